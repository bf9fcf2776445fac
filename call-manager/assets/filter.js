// The filter: which rows are shown. It is in the address, so it can be a bookmark, and "back" returns to it.

import { filter, page } from './dom.js';

export const isPast = (seconds) => seconds !== '' && Number(seconds) < Date.now() / 1000;

// Where there is room, all of them are in sight.
if (matchMedia('(min-width: 60rem)').matches) filter.querySelector('.more').setAttribute('open', '');

let wanted = readForm();

/** What the person has chosen; read once, and not for each of thousands of rows. */
function readForm() {
  return read(new FormData(filter));
}

/**
 * What a form or an address asks for.
 * @returns {any}
 */
export function read(asked) {
  const chosen = Object.fromEntries([...asked].filter(([, text]) => text.trim()));
  const text = (chosen.q ?? '').toLowerCase().trim();
  // A number in any spelling: rows have their digits with the code of the country and without.
  const number = text.replace(/^(tel|sip):/, '').replace('(0)', '');
  const digits = /^[-+/(). \d]{3,}$/.test(number) ? number.replace(/\D/g, '').replace(/^0+/, '') : '';
  return { ...chosen, texts: text.split(/\s+/), digits };
}

/** Whether a row has what is asked for. */
export function matches(row, by = wanted) {
  const { teams, customer, workflow, stage, p, holder, due, search } = row.dataset;
  return (!by.team || teams.split('\u001f').includes(by.team))
    && (!by.customer || customer === by.customer)
    && (!by.workflow || workflow === by.workflow)
    && (!by.stage || stage === by.stage)
    && (!by.priority || p === by.priority)
    && (!by.mine || holder === page.me)
    && (!by.unclaimed || holder === '')
    && (!by.overdue || isPast(due))
    && (by.texts.every((text) => search.includes(text)) || (by.digits !== '' && search.includes(by.digits)));
}

/** Takes what the person has chosen, and puts it into the address and the form that claims the next one. */
export function apply() {
  wanted = readForm();
  const query = new URLSearchParams([...new FormData(filter)].filter(([, text]) => text));
  history.replaceState(history.state, '', location.pathname + (query.size ? `?${query}` : ''));
  fill(/** @type {HTMLFormElement} */ (document.getElementById('claim-next')));
}

/** Fills the hidden fields of another form with what the person has chosen. */
export function fill(form) {
  const chosen = new FormData(filter);
  for (const field of form.elements) if (filter.elements.namedItem(field.name)) field.value = chosen.get(field.name) ?? '';
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
