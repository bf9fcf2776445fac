// The rows of the board and their order.
//
// Promise: no row moves while the list is frozen, that is while the pointer or the focus is in it. The list reports as events:
// `whole` (all rows are there), `arrived` (a row with new work: an alert that nobody has seen), `changed` (the id and the revision of a row; Infinity once it has
// left) and `marked` (the filter and the clock have been applied to all rows).

import { list, page, rowOf } from './dom.js';
import { isPast, matches, offer } from './filter.js';
import { showTimes } from './times.js';

const bar = document.getElementById('order');
const nothing = document.getElementById('nothing');

const number = (text) => (text ? Number(text) : Infinity);

/** As the server orders: overdue first, then priority, due and age. */
function before(a, b) {
  const key = ({ dataset: row }) => [isPast(row.due) ? 0 : 1, -row.p, number(row.due), Number(row.at)];
  const [one, other] = [key(a), key(b)];
  const place = one.findIndex((part, index) => part !== other[index]);
  return place >= 0 && one[place] < other[place];
}

/** Follow-ups whose actions are on their way, and how many. */
const pending = new Map();

/** Counts the actions of a follow-up that are on their way. */
export function countPending(id, by) {
  const count = (pending.get(id) ?? 0) + by;
  if (count) pending.set(id, count);
  else pending.delete(id);
  rowOf(id)?.classList.toggle('pending', count > 0);
}

function mark(row) {
  const { due, soon, holder, seen } = row.dataset;
  row.classList.toggle('overdue', isPast(due));
  row.classList.toggle('soon', !isPast(due) && isPast(soon));
  row.classList.toggle('mine', holder !== '' && holder === page.me);
  row.classList.toggle('unseen', seen === '');
  row.classList.toggle('pending', pending.has(row.dataset.id));
  row.hidden = !matches(row);
}

let isPointerIn = false;
const moved = new Set();
const isFrozen = () => isPointerIn || list.contains(document.activeElement);

/** Whether a row stands where it belongs: most changes move nothing, and each move is a layout of the list. */
function isPlaced(row) {
  const { previousElementSibling: one, nextElementSibling: other } = row;
  return !(one && before(row, one)) && !(other && before(other, row));
}

function place(row) {
  if (isPlaced(row)) return;
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

function settleIfFree() {
  if (!isFrozen()) settle();
}

function showOrder() {
  const count = [...moved].filter((row) => row.isConnected).length;
  const text = `${count} ${page.wordOrder} · ${page.wordShow}`;
  bar.hidden = count === 0;
  if (bar.textContent !== text) bar.textContent = text;
  nothing.hidden = list.querySelector('.row:not([hidden])') !== null;
}

function report(name, detail) {
  list.dispatchEvent(new CustomEvent(name, { detail }));
}

/** Whether all rows have been shown once: what comes after that is new. */
let isWhole = false;
const PARTS = 'a, button, input:not([type=hidden])';
const made = document.createElement('template');

/** Shows a row as it is now, where the revision is newer. */
export function put({ id, rev, html, by }) {
  const old = rowOf(id);
  if (old && Number(old.dataset.rev) >= rev && !old.classList.contains('left')) return;
  made.innerHTML = html;
  const row = made.content.firstElementChild;
  showTimes(row);
  mark(row);
  if (old) {
    const focused = old.contains(document.activeElement) ? [...old.querySelectorAll(PARTS)].indexOf(document.activeElement) : -1;
    moved.delete(old);
    old.replaceWith(row);
    // A button that is gone hands the focus to its row.
    if (focused >= 0) (row.querySelectorAll(PARTS)[focused] ?? row.querySelector('a')).focus();
  } else {
    list.append(row);
  }
  if (isWhole && !row.dataset.seen && row.dataset.alert !== old?.dataset.alert) report('arrived', { row, by });
  offer(row);
  if (isFrozen()) moved.add(row);
  else place(row);
  showOrder();
  report('changed', { id, rev });
}

/** Removes a row. While the list is frozen it keeps its place, struck out. */
export function leave({ id }) {
  const row = rowOf(id);
  if (row && isFrozen()) {
    row.classList.add('left');
    row.inert = true;
    moved.add(row);
  } else row?.remove();
  showOrder();
  report('changed', { id, rev: Infinity });
}

/** Shows these rows and no other. */
export function replaceAll(rows) {
  const ids = new Set(rows.map((row) => row.id));
  for (const row of [...list.children]) if (!ids.has(row.dataset.id)) leave({ id: row.dataset.id });
  for (const row of rows) put(row);
  if (!isWhole) report('whole');
  isWhole = true;
}

/** Applies the filter and the clock to all rows. */
export function markAll() {
  for (const row of list.children) mark(row);
  showOrder();
}

/** Moves the focus by so many rows. */
export function step(by) {
  const rows = [...list.children].filter((row) => !row.hidden);
  const present = rows.indexOf(document.activeElement?.closest('.row'));
  const next = rows[present < 0 ? 0 : Math.min(Math.max(present + by, 0), rows.length - 1)];
  next?.querySelector('a')?.focus();
}

/** What changes with time and without an event: what is overdue, and the order. */
function tick() {
  markAll();
  settleIfFree();
}

list.addEventListener('pointerenter', () => { isPointerIn = true; });
list.addEventListener('pointerleave', () => {
  isPointerIn = false;
  settleIfFree();
});
list.addEventListener('focusout', () => setTimeout(settleIfFree));
bar.addEventListener('click', settle);
for (const row of list.children) offer(row);
markAll();
setInterval(tick, 15_000);
