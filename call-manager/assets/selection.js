// The rows that are selected.
//
// Promise: updates of rows do not change the selection.

import { list, rowOf, rows as allRows } from './dom.js';

const bar = document.getElementById('selection');
/** The ids of the selected follow-ups with the names of their callers, which stay when the rows leave. */
export const picked = new Map();
let last = null;

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
  bar.classList.toggle('shared', [...picked.keys()].every((id) => rowOf(id)?.classList.contains('shared')));
  // Rows of several stages have no button in common.
  const push = bar.querySelector('[data-work=push]');
  const stages = new Set([...picked.keys()].map((id) => rowOf(id)?.dataset.stage));
  if (push) push.hidden = stages.size !== 1 || stages.has(undefined);
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
