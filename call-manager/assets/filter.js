// The filter: which rows are shown. It is in the address, so it can be a bookmark.

import { filter, page } from './dom.js';

export const isPast = (seconds) => seconds !== '' && Number(seconds) < Date.now() / 1000;

/** Whether a row is shown. */
export function matches(row) {
  const wanted = new FormData(filter);
  const { teams, customer, workflow, p, holder, due, search } = row.dataset;
  const is = (name, test) => !wanted.get(name) || test(wanted.get(name));
  const text = (wanted.get('q') ?? '').toLowerCase().trim();
  const digits = /^[-+/() \d]{3,}$/.test(text) ? text.replace(/\D/g, '').replace(/^0+/, '') : '';
  return is('team', (team) => teams.split('\u001f').includes(team))
    && is('customer', (name) => customer === name)
    && is('workflow', (name) => workflow === name)
    && is('priority', (wanted) => p === wanted)
    && is('mine', () => holder === page.me)
    && is('unclaimed', () => holder === '')
    && is('overdue', () => isPast(due))
    && (!text || search.includes(text) || (digits !== '' && search.includes(digits)));
}

/** Puts the filter into the address, and into the form that claims the next one. */
export function rewriteAddress() {
  const wanted = new URLSearchParams([...new FormData(filter)].filter(([, text]) => text));
  const query = wanted.size ? `?${wanted}` : '';
  history.replaceState(history.state, '', location.pathname + query);
  for (const [name, text] of new FormData(filter)) {
    const field = document.getElementById('claim-next').elements.namedItem(name);
    if (field) field.value = text;
  }
}

const offered = { teams: new Set(), customers: new Set(), workflows: new Set() };

/** Offers the names of a row in the fields of the filter. */
export function offer(row) {
  const { teams, customer, workflow } = row.dataset;
  const names = { teams: teams.split('\u001f'), customers: [customer], workflows: [workflow] };
  for (const [kind, found] of Object.entries(names)) {
    for (const name of found) {
      if (!name || offered[kind].has(name)) continue;
      offered[kind].add(name);
      const option = document.createElement('option');
      option.value = name;
      document.getElementById(kind).append(option);
    }
  }
}
