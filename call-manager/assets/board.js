// The board: patches rows as they change, and sends the forms of the page without leaving it.
//
// Promise: no row moves under the pointer or the focus, and no text that was typed is lost.

import { Drafts } from './drafts.js';
import { at, showTimes } from './times.js';

const page = document.body.dataset;
const list = document.getElementById('list');
const panel = document.getElementById('panel');
const bar = document.getElementById('order');
const lineText = document.getElementById('line');
const nothing = document.getElementById('nothing');
const filter = document.getElementById('filter');
const drafts = new Drafts(page.subject || page.me);
const title = document.title;

// Rows

const number = (text) => (text ? Number(text) : Infinity);
const now = () => Date.now() / 1000;

/** As the server orders: overdue first, then priority, due and age. */
function before(a, b) {
  const key = ({ dataset: row }) => [number(row.due) < now() ? 0 : 1, -row.p, number(row.due), Number(row.at)];
  const [one, other] = [key(a), key(b)];
  const place = one.findIndex((part, index) => part !== other[index]);
  return place >= 0 && one[place] < other[place];
}

function matches(row) {
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
    && is('overdue', () => number(due) < now())
    && (!text || search.includes(text) || (digits !== '' && search.includes(digits)));
}

function mark(row) {
  const { due, soon, holder, seen } = row.dataset;
  row.classList.toggle('overdue', number(due) < now());
  row.classList.toggle('soon', number(due) >= now() && number(soon) < now());
  row.classList.toggle('mine', holder !== '' && holder === page.me);
  row.classList.toggle('unseen', seen === '');
  row.hidden = !matches(row);
}

let isPointerIn = false;
const moved = new Set();
const isFrozen = () => isPointerIn || list.contains(document.activeElement);

function place(row) {
  const others = [...list.children].filter((other) => other !== row);
  let [low, high] = [0, others.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before(row, others[middle])) high = middle;
    else low = middle + 1;
  }
  list.insertBefore(row, others[low] ?? null);
}

function settle() {
  for (const row of moved) {
    if (row.classList.contains('left')) row.remove();
    else if (row.isConnected) place(row);
  }
  moved.clear();
  showOrder();
}

function showOrder() {
  const count = [...moved].filter((row) => row.isConnected).length;
  bar.hidden = count === 0;
  bar.textContent = `${count} ${page.wordOrder} · ${page.wordShow}`;
  nothing.hidden = [...list.children].some((row) => !row.hidden);
}

const made = document.createElement('template');

function put({ id, rev, html }) {
  const old = document.getElementById(`f-${id}`);
  if (old && Number(old.dataset.rev) >= rev && !old.classList.contains('left')) return;
  made.innerHTML = html;
  const row = made.content.firstElementChild;
  showTimes(row);
  mark(row);
  if (old) {
    const focused = old.contains(document.activeElement) ? [...old.querySelectorAll('a, button')].indexOf(document.activeElement) : -1;
    moved.delete(old);
    old.replaceWith(row);
    row.querySelectorAll('a, button')[focused]?.focus();
  } else {
    list.append(row);
    notice(row);
  }
  offer(row);
  if (isFrozen()) moved.add(row);
  else place(row);
  showOrder();
  if (panel.firstElementChild?.dataset.id === id) refresh(id, rev);
}

function leave({ id }) {
  const row = document.getElementById(`f-${id}`);
  if (row && isFrozen()) {
    row.classList.add('left');
    row.inert = true;
    moved.add(row);
  } else row?.remove();
  showOrder();
  if (panel.firstElementChild?.dataset.id === id) refresh(id, Infinity);
}

function replaceAll(rows) {
  const ids = new Set(rows.map((row) => row.id));
  for (const row of [...list.children]) if (!ids.has(row.dataset.id)) leave({ id: row.dataset.id });
  for (const row of rows) put(row);
}

// Names for the filter, from what is on the board.

const offered = { teams: new Set(), customers: new Set(), workflows: new Set() };

function offer(row) {
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

// New work while nobody looks

let unnoticed = 0;

function notice(row) {
  if (document.hidden && !row.hidden) unnoticed += 1;
  document.title = unnoticed > 0 ? `(${unnoticed}) ${title}` : title;
}

// The line to the server

function showLine({ live, asOf, signedOut }) {
  lineText.className = `line ${live ? 'live' : 'lost'}`;
  lineText.textContent = '';
  if (signedOut) {
    const link = document.createElement('a');
    link.href = '/sign-in';
    link.target = '_blank';
    link.textContent = page.wordSignIn;
    lineText.append(`${page.wordSignedOut} · `, link);
    return;
  }
  const time = asOf ? at(new Date(asOf)) : at(new Date(page.asOf));
  lineText.textContent = live ? page.wordLive : `${page.wordReconnecting} · ${page.wordAsOf} ${time}`;
}

function receive({ data }) {
  if (data.kind === 'row') put(data.row);
  if (data.kind === 'gone') leave(data.gone);
  if (data.kind === 'all') replaceAll(data.rows);
  if (data.kind === 'line') showLine(data.line);
}

async function join() {
  if (typeof SharedWorker === 'function') {
    const { port } = new SharedWorker(page.line, { type: 'module', name: `line ${page.subject}` });
    port.onmessage = receive;
    return port;
  }
  // Without workers the tab has a stream of its own.
  const { connect } = await import('./line.js');
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = receive;
  connect(port2);
  return port1;
}

// The follow-up beside the board

function showPanel(html) {
  panel.innerHTML = html;
  showTimes(panel);
  restore();
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

async function get(id) {
  const answer = await fetch(`/f/${encodeURIComponent(id)}`, { headers: { 'x-fragment': '1' }, cache: 'no-store' });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text || page.wordAway);
  return text;
}

function fail(error) {
  const said = document.createElement('p');
  said.className = 'refused';
  said.setAttribute('role', 'alert');
  said.textContent = error instanceof TypeError ? page.wordAway : error.message;
  panel.querySelector(':scope > .refused, article > .refused')?.remove();
  (panel.querySelector('article header') ?? panel).after(said);
  if (!panel.contains(said)) panel.append(said);
}

async function show(id, at = '', isNew = true) {
  try {
    showPanel(await get(id));
    if (isNew) history.pushState({ id }, '', `/f/${id}${location.search}${at}`);
    const target = at ? panel.querySelector(CSS.escape ? `#${CSS.escape(at.slice(1))}` : at) : null;
    const field = target?.querySelector('input:not([type=hidden]), textarea, select, button');
    (field ?? panel.querySelector('h2'))?.focus();
  } catch (error) {
    fail(error);
  }
}

function hide(isNew = true) {
  const id = panel.firstElementChild?.dataset.id;
  panel.replaceChildren();
  if (isNew) history.pushState({}, '', `/${location.search}`);
  document.getElementById(`f-${id}`)?.querySelector('a')?.focus();
}

/** The open follow-up has changed: what it is shown anew, and what is typed stays. */
async function refresh(id, rev) {
  if (Number(panel.firstElementChild?.dataset.rev) >= rev) return;
  let html;
  try {
    html = await get(id);
  } catch (error) {
    fail(error);
    return;
  }
  if (panel.firstElementChild?.dataset.id !== id) return;
  const isBusy = panel.querySelector('.forms')?.contains(document.activeElement) || panel.querySelector('form.typed');
  if (!isBusy) {
    showPanel(html);
    return;
  }
  made.innerHTML = html;
  for (const part of ['.facts', '.notes', 'header']) {
    const [old, fresh] = [panel.querySelector(part), made.content.querySelector(part)];
    if (old && fresh && !old.contains(document.activeElement)) old.replaceWith(fresh);
  }
  showTimes(panel);
  panel.querySelector('.changed')?.remove();
  const changed = document.createElement('button');
  changed.type = 'button';
  changed.className = 'bar changed';
  changed.textContent = `${page.wordChanged} · ${page.wordShow}`;
  changed.addEventListener('click', () => showPanel(html));
  panel.querySelector('article')?.append(changed);
}

// Forms

async function send(form, submitter) {
  if (form.dataset.sending) return;
  form.dataset.sending = '1';
  const row = form.closest('.row');
  row?.classList.add('pending');
  try {
    const answer = await fetch(form.action, {
      method: 'POST',
      headers: { 'x-fragment': '1' },
      body: new URLSearchParams(new FormData(form, submitter)),
    });
    const html = await answer.text();
    const id = form.closest('[data-id]').dataset.id;
    if (answer.ok) {
      if (form.dataset.form) drafts.forget(form);
      if (!row || panel.firstElementChild?.dataset.id === id) showPanel(html);
    } else if (answer.status === 409) {
      showPanel(html);
      if (row) history.pushState({ id }, '', `/f/${id}${location.search}`);
      panel.querySelector('.refused')?.focus();
    } else {
      fail(new Error(html || page.wordAway));
    }
  } catch (error) {
    fail(error);
  } finally {
    delete form.dataset.sending;
    row?.classList.remove('pending');
  }
}

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form === filter) {
    event.preventDefault();
    refilter();
  } else if (form.id === 'sign-out') {
    drafts.forgetAll();
  } else if (form.closest('[data-id]')) {
    event.preventDefault();
    send(form, event.submitter);
  }
});

document.addEventListener('input', (event) => {
  const form = event.target.form;
  if (form === filter) refilter();
  else if (form?.dataset.form) {
    form.classList.add('typed');
    drafts.keep(form);
    claim();
  }
});

/** Who types holds the follow-up, so that nobody else does the same work. */
let claimed = '';
function claim() {
  const id = panel.firstElementChild?.dataset.id;
  const form = panel.querySelector('form[action$="/claim"]');
  if (!form || claimed === id) return;
  claimed = id;
  fetch(form.action, { method: 'POST', headers: { 'x-fragment': '1' }, body: new URLSearchParams(new FormData(form)) }).catch(() => {});
}

function refilter() {
  const wanted = new URLSearchParams([...new FormData(filter)].filter(([, text]) => text));
  const query = wanted.size ? `?${wanted}` : '';
  history.replaceState(history.state, '', location.pathname + query);
  for (const [name, text] of new FormData(filter)) {
    const field = document.getElementById('claim-next').elements.namedItem(name);
    if (field) field.value = text;
  }
  for (const row of list.children) mark(row);
  showOrder();
}

// The pointer

list.addEventListener('pointerenter', () => { isPointerIn = true; });
list.addEventListener('pointerleave', () => {
  isPointerIn = false;
  if (!isFrozen()) settle();
});
list.addEventListener('focusout', () => setTimeout(() => { if (!isFrozen()) settle(); }));
bar.addEventListener('click', settle);

// A click counts only where the press was.
let pressed = null;
list.addEventListener('pointerdown', (event) => { pressed = event.target.closest('.row'); }, true);
list.addEventListener('click', (event) => {
  const row = event.target.closest('.row');
  if (event.detail > 0 && row !== pressed) {
    event.preventDefault();
    event.stopPropagation();
    return;
  }
  const link = event.target.closest('a[href^="/f/"]');
  if (link && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
    event.preventDefault();
    show(row.dataset.id, link.hash);
  }
}, true);
panel.addEventListener('click', (event) => {
  if (event.target.closest('a.close')) {
    event.preventDefault();
    hide();
  }
});
window.addEventListener('popstate', () => {
  const id = /^\/f\/([^/]+)$/.exec(location.pathname)?.[1];
  if (id) show(decodeURIComponent(id), '', false);
  else hide(false);
});

// Keys

function step(by) {
  const rows = [...list.children].filter((row) => !row.hidden);
  const present = rows.indexOf(document.activeElement?.closest('.row'));
  const next = rows[present < 0 ? 0 : Math.min(Math.max(present + by, 0), rows.length - 1)];
  next?.querySelector('a')?.focus();
}

function press(key) {
  const target = panel.querySelector(`[data-key="${key}"]`);
  if (target?.tagName === 'BUTTON') target.click();
  else target?.focus();
}

document.addEventListener('keydown', async (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || target.closest('input, textarea, select')) return;
  if (key === 'j') step(1);
  else if (key === 'k') step(-1);
  else if (key === 'Escape' && panel.firstElementChild) hide();
  else if ('cnsuv'.includes(key)) {
    const row = target.closest('.row');
    if (row && panel.firstElementChild?.dataset.id !== row.dataset.id) await show(row.dataset.id);
    event.preventDefault();
    press(key);
  }
});

// Begin

for (const row of list.children) {
  mark(row);
  offer(row);
}
restore();
const port = await join();
setInterval(() => {
  for (const row of list.children) mark(row);
  if (!isFrozen()) settle();
}, 15_000);
for (const event of ['visibilitychange', 'online', 'pageshow']) {
  window.addEventListener(event, () => port.postMessage('wake'));
}
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  unnoticed = 0;
  document.title = title;
  port.postMessage('wake');
});
window.addEventListener('pagehide', () => port.postMessage('bye'));
