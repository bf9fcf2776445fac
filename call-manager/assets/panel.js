// The follow-up beside the board.
//
// Promise: no text that was typed is lost, and no form is replaced while somebody types into it.

import { ask, list, openId, page, panel, rowOf } from './dom.js';
import { Drafts } from './drafts.js';
import { choose } from './filter.js';
import { markAll, setShared } from './rows.js';
import { showSession } from './session.js';
import { showTimes } from './times.js';

export const drafts = new Drafts();
const made = document.createElement('template');

const nameOf = (form) => form.dataset.form ?? form.getAttribute('action');
const formsOf = (name) => [...panel.querySelectorAll('form')].filter((form) => nameOf(form) === name);

/** What is typed into fields that are never kept: it outlives another look at the same follow-up, in the memory of the page. */
function sensitive(sent) {
  const fields = /** @type {any[]} */ ([...panel.querySelectorAll('form [data-sensitive]')]).filter(({ form, value, defaultValue }) => value && value !== defaultValue && nameOf(form) !== sent);
  return fields.map(({ form, name, value }) => ({ form: nameOf(form), name, value }));
}

function refill(typed) {
  for (const { form, name, value } of typed) {
    for (const { elements, classList } of formsOf(form)) {
      if (!elements[name]) continue;
      elements[name].value = value;
      classList.add('typed');
    }
  }
}

/** Where the focus is in the panel: a function that gives it to the same place of another look. */
function focusIn() {
  const focused = /** @type {any} */ (document.activeElement);
  if (!panel.contains(focused)) return () => {};
  const { form, id, dataset: { key } } = focused;
  const [name, place] = form ? [nameOf(form), [...form.elements].indexOf(focused)] : [];
  return () => {
    const same = form ? formsOf(name)[0]?.elements[place] : id && document.getElementById(id);
    (same || key && panel.querySelector(`[data-key="${key}"]`) || panel.querySelector('h2'))?.focus();
  };
}

/** Shows the HTML of a follow-up, with what was typed into it before, but for the form that was `sent`. Returns its id. */
export function showPanel(html, sent = '') {
  const [before, parts] = [openId(), [...panel.querySelectorAll('details[open]')].map(({ id }) => id)];
  const [typed, focus] = [sensitive(sent), focusIn()];
  panel.innerHTML = html;
  showTimes(panel);
  restore();
  if (openId() === before) {
    // What somebody has opened stays open.
    for (const id of parts) document.getElementById(id)?.setAttribute('open', '');
    refill(typed);
    focus();
  }
  setShared(panel.querySelector('[data-shared]')?.dataset.shared);
  return openId();
}

/** Fills the forms with what was typed before. A text whose form is gone stays in sight until it is discarded. */
function restore() {
  drafts.restore(panel);
  const homeless = drafts.homeless(panel);
  // The server shows a refused text too, for browsers without scripts.
  if (homeless.length) for (const shown of panel.querySelectorAll('textarea.kept')) shown.remove();
  for (const { key, text } of homeless) {
    const [kept, field, discard] = ['div', 'textarea', 'button'].map((name) => document.createElement(name));
    kept.className = 'kept';
    Object.assign(field, { readOnly: true, rows: 2, dir: 'auto', value: text, ariaLabel: page.wordTyped });
    Object.assign(discard, { type: 'button', textContent: page.wordDiscard });
    discard.addEventListener('click', () => {
      drafts.discard(key);
      kept.remove();
    });
    kept.append(page.wordTyped, field, discard);
    (panel.querySelector('article > .refused') ?? panel.querySelector('article > header')).after(kept);
  }
}

async function getPart(address) {
  const answer = await ask(address);
  const text = await answer.text();
  if (answer.status === 401) showSession('over');
  if (!answer.ok) throw new Error(text || page.wordAway);
  return text;
}

const get = (id) => getPart(`/f/${encodeURIComponent(id)}`);

/** Puts a part of the page that is loaded late into its place. */
async function load(place, address) {
  try {
    made.innerHTML = await getPart(address);
    showTimes(made.content);
    place.replaceChildren(made.content);
  } catch (error) {
    fail(error);
  }
}

/** Says something above the follow-up. */
export function say(text, kind = 'refused') {
  const said = document.createElement('p');
  said.className = kind;
  said.setAttribute('role', 'alert');
  said.textContent = text;
  panel.querySelector(`:scope > .${kind}, article > .${kind}`)?.remove();
  (panel.querySelector('article header') ?? panel).after(said);
  if (!panel.contains(said)) panel.append(said);
}

/** Shows an error above the follow-up. */
export function fail(error) {
  say(error instanceof TypeError ? page.wordAway : error.message);
}

/** Opens a follow-up. `at` is the part of it that gets the focus, as in an address. */
export async function show(id, at = '', isNew = true) {
  try {
    showPanel(await get(id));
    if (isNew) history.pushState({ id }, '', `/f/${id}${location.search}${at}`);
    const target = at ? panel.querySelector(`#${CSS.escape(at.slice(1))}`) : null;
    const field = target?.querySelector('input:not([type=hidden]), textarea, select, button');
    (field ?? panel.querySelector('h2'))?.focus();
  } catch (error) {
    fail(error);
  }
}

/** Closes the follow-up. */
export function hide(isNew = true) {
  const id = openId();
  panel.replaceChildren();
  if (isNew) history.pushState({}, '', `/${location.search}`);
  rowOf(id)?.querySelector('a')?.focus();
}

/** Shows what is new around the forms into which somebody types. Returns the revision. */
export function patch(html) {
  made.innerHTML = html;
  for (const part of ['.facts', '.forms > div.acts', '.notes', '.others', 'header']) {
    const [old, fresh] = [panel.querySelector(part), made.content.querySelector(part)];
    if (old && fresh && !old.contains(document.activeElement)) old.replaceWith(fresh);
  }
  showTimes(panel);
  return Number(made.content.querySelector('article').dataset.rev);
}

/** The open follow-up has changed: what it is is shown again, and what is typed stays. */
async function refresh(id, rev) {
  const isShown = () => Number(panel.firstElementChild?.dataset.rev) >= rev;
  if (isShown()) return;
  let html;
  try {
    html = await get(id);
  } catch (error) {
    fail(error);
    return;
  }
  if (openId() !== id || isShown()) return;
  const isBusy = panel.querySelector('.forms')?.contains(document.activeElement) || panel.querySelector('form.typed');
  if (!isBusy) {
    showPanel(html);
    return;
  }
  patch(html);
  panel.querySelector('.changed')?.remove();
  const changed = document.createElement('button');
  changed.type = 'button';
  changed.className = 'bar changed';
  changed.textContent = `${page.wordChanged} · ${page.wordShow}`;
  changed.addEventListener('click', () => showPanel(html));
  panel.querySelector('article')?.append(changed);
}

list.addEventListener('changed', ({ detail: { id, rev } }) => {
  if (openId() === id) refresh(id, rev);
});
panel.addEventListener('click', (event) => {
  const more = event.target.closest('a.more');
  if (more) {
    event.preventDefault();
    const place = document.createElement('div');
    more.replaceWith(place);
    load(place, more.href);
  } else if (event.target.closest('a.close')) {
    event.preventDefault();
    hide();
  }
});
panel.addEventListener('toggle', ({ target }) => {
  if (target.open && target.dataset.load) load(target.querySelector('.loaded'), target.dataset.load);
}, true);
window.addEventListener('popstate', () => {
  const id = /^\/f\/([^/]+)$/.exec(location.pathname)?.[1];
  choose(location.search);
  markAll(true);
  if (id) show(decodeURIComponent(id), '', false);
  else hide(false);
});
restore();
