// The rows that are selected, and what is done to all of them: first shown, then done.
//
// Promise: updates of rows do not change the selection, and nothing is done before the person has seen what would come of it.

import { list, newId, page, rowOf, rows as allRows } from './dom.js';

const bar = document.getElementById('selection');
const dialog = document.getElementById('batch');
const form = /** @type {HTMLFormElement} */ (dialog.querySelector('form'));
const results = document.getElementById('batch-results');
/** The ids of the selected follow-ups with the names of their callers, which stay when the rows leave. */
const picked = new Map();
let last = null;
let requestId = '';

const shown = () => allRows().filter((row) => !row.hidden && !row.inert);

function set(row, isPicked) {
  const { id } = row.dataset;
  if (isPicked) picked.set(id, row.querySelector('.who b').textContent);
  else picked.delete(id);
  mark(row);
}

function mark(row) {
  const isPicked = picked.has(row.dataset.id);
  row.querySelector('.pick').checked = isPicked;
  row.classList.toggle('picked', isPicked);
}

function show() {
  const matching = shown().length;
  bar.hidden = picked.size === 0;
  bar.querySelector('[data-count]').textContent = String(picked.size);
  const all = bar.querySelector('[data-all]');
  all.hidden = matching <= picked.size;
  all.querySelector('b').textContent = String(matching);
  // Rows of several stages have no button in common.
  const push = bar.querySelector('[data-work=push]');
  if (push) push.hidden = new Set([...picked.keys()].map((id) => rowOf(id)?.dataset.stage)).size !== 1;
}

list.addEventListener('click', ({ target, shiftKey }) => {
  if (!target.matches('.pick')) return;
  const row = target.closest('.row');
  const rows = shown();
  const [from, to] = [rows.indexOf(last), rows.indexOf(row)].sort((a, b) => a - b);
  const range = shiftKey && from >= 0 ? rows.slice(from, to + 1) : [row];
  for (const one of range) set(one, target.checked);
  last = row;
  show();
});

list.addEventListener('changed', ({ detail: { id } }) => {
  const row = rowOf(id);
  if (row && picked.has(id)) mark(row);
  if (last?.dataset.id === id && row) last = row;
  if (!bar.hidden) show();
});

bar.querySelector('[data-all]').addEventListener('click', () => {
  for (const row of shown()) set(row, true);
  show();
});

function clear() {
  for (const id of [...picked.keys()]) {
    picked.delete(id);
    const row = rowOf(id);
    if (row) mark(row);
  }
  show();
}
bar.querySelector('[data-clear]').addEventListener('click', clear);

// What is done to them

/** The buttons of the stage that all selected rows are in. */
function offerButtons() {
  const row = rowOf([...picked.keys()][0]);
  const stage = row.dataset.stage.split('/').pop();
  const plain = [...row.querySelectorAll('[data-act=push]')].map((button) => [new URLSearchParams(button.value).get('button'), button.textContent]);
  const asking = [...row.querySelectorAll('a.button')].map((link) => [link.hash.slice(3), link.textContent]);
  form.elements.button.replaceChildren(...[...plain, ...asking].map(([id, label]) => new Option(label.replace('…', ''), `${stage}/${id}`)));
}

for (const button of bar.querySelectorAll('[data-work]')) {
  button.addEventListener('click', () => {
    form.elements.work.value = button.dataset.work;
    form.querySelector('h2').textContent = button.textContent;
    for (const field of form.querySelectorAll('[data-of]')) {
      const isWanted = field.dataset.of.split(' ').includes(button.dataset.work);
      field.hidden = !isWanted;
      for (const input of field.querySelectorAll('input, select')) input.disabled = !isWanted;
    }
    if (button.dataset.work === 'push') offerButtons();
    results.replaceChildren();
    requestId = newId();
    dialog.showModal();
  });
}

function showResults(html) {
  results.innerHTML = html;
  for (const item of results.querySelectorAll('[data-id]')) item.prepend(`${picked.get(item.dataset.id) ?? item.dataset.id}: `);
  return results.firstElementChild.dataset;
}

async function ask(address, body) {
  const answer = await fetch(address, { method: body ? 'POST' : 'GET', headers: { 'x-fragment': '1' }, body, cache: 'no-store' });
  const html = await answer.text();
  if (!answer.ok) throw new Error(html || page.wordAway);
  return showResults(html);
}

/** Shows the progress of a batch until it has ended. */
async function follow(batch) {
  while (dialog.open) {
    const { state } = await ask(`/selection/${batch}`);
    if (state !== 'running') return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const body = new URLSearchParams([...new FormData(form, event.submitter)]);
  body.set('ids', [...picked.keys()].join('\n'));
  // The same id until it is answered: a retry after a loss starts no second batch.
  body.set('request_id', requestId);
  event.submitter.disabled = true;
  try {
    const { batch } = await ask(form.action, body);
    requestId = newId();
    if (batch) await follow(batch);
  } catch (error) {
    results.textContent = error instanceof TypeError ? page.wordAway : /** @type {Error} */ (error).message;
  }
  event.submitter.disabled = false;
});
dialog.querySelector('[data-close]').addEventListener('click', () => dialog.close());
// Another form has another outcome.
form.addEventListener('input', () => results.replaceChildren());
