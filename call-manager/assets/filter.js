// The filter: which rows are shown. It is in the address, so it can be a bookmark, and "back" returns to it.

import { filter, page } from './dom.js';

export const isPast = (seconds) => seconds !== '' && Number(seconds) < Date.now() / 1000;

let wanted = read();

/** What the person has chosen; read once, and not for each of thousands of rows. */
function read() {
  const chosen = Object.fromEntries([...new FormData(filter)].filter(([, text]) => text.trim()));
  const text = (chosen.q ?? '').toLowerCase().trim();
  const digits = /^[-+/() \d]{3,}$/.test(text) ? text.replace(/\D/g, '').replace(/^0+/, '') : '';
  return { ...chosen, text, digits };
}

/** Whether a row is shown. */
export function matches(row) {
  const { teams, customer, workflow, stage, p, holder, due, search } = row.dataset;
  const { text, digits } = wanted;
  return (!wanted.team || teams.split('\u001f').includes(wanted.team))
    && (!wanted.customer || customer === wanted.customer)
    && (!wanted.workflow || workflow === wanted.workflow)
    && (!wanted.stage || stage === wanted.stage)
    && (!wanted.priority || p === wanted.priority)
    && (!wanted.mine || holder === page.me)
    && (!wanted.unclaimed || holder === '')
    && (!wanted.overdue || isPast(due))
    && (!text || search.includes(text) || (digits !== '' && search.includes(digits)));
}

/** Takes what the person has chosen, and puts it into the address and the form that claims the next one. */
export function apply() {
  wanted = read();
  const query = new URLSearchParams([...new FormData(filter)].filter(([, text]) => text));
  history.replaceState(history.state, '', location.pathname + (query.size ? `?${query}` : ''));
  for (const [name, text] of new FormData(filter)) {
    const field = document.getElementById('claim-next').elements.namedItem(name);
    if (field) field.value = text;
  }
}

/** Chooses what an address names. */
export function choose(query) {
  const asked = new URLSearchParams(query);
  for (const field of filter.elements) {
    if (field.type === 'checkbox') field.checked = asked.has(field.name);
    else if (field.name) field.value = asked.get(field.name) ?? '';
  }
  apply();
}

const offered = new Set();

function offerOption(kind, value, text) {
  if (!value || offered.has(`${kind} ${value}`)) return;
  offered.add(`${kind} ${value}`);
  const choices = document.getElementById(kind);
  if (![...choices.children].some((option) => option.value === value)) choices.append(new Option(text, value));
}

/** Offers the names of a row in the fields of the filter. */
export function offer(row) {
  const { teams, customer, workflow, title, stage, stageTitle } = row.dataset;
  for (const team of teams.split('\u001f')) offerOption('teams', team, '');
  offerOption('customers', customer, '');
  offerOption('workflows', workflow, '');
  offerOption('stages', stage, `${title} · ${stageTitle}`);
}
