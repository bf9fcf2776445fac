// The rows of the board and their order.
//
// Promise: no row moves while the list is frozen, that is while the pointer or the focus is in it. The list reports as events:
// `whole` (all rows are there), `arrived` (a row with new work: an alert that nobody has seen), `changed` (the id and the revision of a row; Infinity once it has
// left) and `marked` (the filter and the clock have been applied to all rows).

import { list, page, rowOf, rows } from './dom.js';
import { isPast, matches, offer } from './filter.js';
import { showTimes } from './times.js';

const bar = document.getElementById('order');
const nothing = document.getElementById('nothing');

/** Looks at the clock at least so often: a computer that slept, or whose clock was set, has missed its timers. */
const LOOK_S = 15;

/** Browsers skip what is out of view part by part, and ask each part in each frame: thousands of rows alone would be too many. */
const PART_ROWS = 25;
/** About so high is a row in a part that has never been in view. */
const ROW_PX = 49;

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

/** The teams whose follow-ups the person gets only as the next one. */
let shared = page.shared;

/** Learns the names of those teams. */
export function setShared(names = shared) {
  if (names === shared) return;
  shared = names;
  markAll();
}

/** Whether the person may not choose what these teams have. */
function areShared(teams) {
  const names = shared.split('\u001f');
  return teams !== '' && teams.split('\u001f').some((team) => names.includes(team));
}

/** Marks a row as it is now. While the list is frozen, none comes or goes: what no longer matches is struck out, and what begins to match waits. */
function mark(row, isFree = !isFrozen()) {
  const { due, soon, holder, seen, alert, teams } = row.dataset;
  row.classList.toggle('overdue', isPast(due));
  row.classList.toggle('soon', !isPast(due) && isPast(soon));
  row.classList.toggle('mine', holder !== '' && holder === page.me);
  row.classList.toggle('unseen', alert !== '' && seen === '');
  row.classList.toggle('shared', holder !== page.me && areShared(teams));
  row.classList.toggle('pending', pending.has(row.dataset.id));
  const isWanted = matches(row);
  if (isFree) hide(row, !isWanted);
  else if (row.hidden === isWanted) moved.add(row);
  row.classList.toggle('out', !isWanted && !row.hidden);
  disable(row);
}

/** What has left is not for clicks. What has the focus keeps it: the focus is never moved. */
function disable(row) {
  const isInert = row.matches('.left, .out') && !row.contains(document.activeElement);
  if (row.inert !== isInert) row.inert = isInert;
}

let isPointerIn = false;
const moved = new Set();
const isFrozen = () => isPointerIn || list.contains(document.activeElement);

/** Moves a row to its place among those that have theirs. Most changes move nothing, and each move is a layout of the list. */
function place(row) {
  const all = rows();
  const at = all.indexOf(row);
  const [one, other] = [all[at - 1], all[at + 1]];
  if (!moved.has(one) && !moved.has(other) && !(one && before(row, one)) && !(other && before(other, row))) return;
  const others = all.filter((other) => other !== row && !moved.has(other));
  let [low, high] = [0, others.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before(row, others[middle])) high = middle;
    else low = middle + 1;
  }
  const part = row.parentElement;
  if (low < others.length) others[low].before(row);
  else append(row);
  for (const one of [part, row.parentElement]) fit(one);
}

const newPart = () => Object.assign(document.createElement('div'), { className: 'part' });

function append(row) {
  if (!(list.lastElementChild?.childElementCount < PART_ROWS)) list.append(newPart());
  list.lastElementChild.append(row);
}

/** Shows how much of a part the filter lets through, and keeps parts of a size. */
function fit(part) {
  const all = [...part.children];
  if (all.length > 2 * PART_ROWS) {
    const more = newPart();
    more.append(...all.splice(PART_ROWS));
    part.after(more);
    fit(more);
  }
  if (!all.length) part.remove();
  const shown = all.filter((row) => !row.hidden).length;
  if (part.dataset.shown === String(shown)) return;
  part.dataset.shown = shown;
  part.hidden = shown === 0;
  part.style.containIntrinsicBlockSize = `${shown * ROW_PX}px`;
}

function settle() {
  for (const row of moved) {
    moved.delete(row);
    if (row.matches('.left')) remove(row);
    else {
      mark(row, true);
      place(row);
      fit(row.parentElement);
    }
  }
  showOrder();
}

function settleIfFree() {
  if (!isFrozen()) settle();
}

/** Hides an element or shows it. An attribute that is set is a change, also to what it was. */
function hide(element, isHidden) {
  if (element.hidden !== isHidden) element.hidden = isHidden;
}

function showOrder() {
  const text = `${moved.size} ${page.wordOrder} · ${page.wordShow}`;
  hide(bar, !moved.size);
  if (bar.textContent !== text) bar.textContent = text;
  hide(nothing, [...list.children].some((part) => !part.hidden));
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
  const isFree = !isFrozen();
  if (old) {
    row.hidden = old.hidden;
    const focused = old.contains(document.activeElement) ? [...old.querySelectorAll(PARTS)].indexOf(document.activeElement) : -1;
    moved.delete(old);
    old.replaceWith(row);
    // A button that is gone hands the focus to its row.
    if (focused >= 0) (row.querySelectorAll(PARTS)[focused] ?? row.querySelector('a')).focus();
  } else {
    row.hidden = !matches(row);
    append(row);
  }
  mark(row, isFree);
  fit(row.parentElement);
  // A seen alert is news again once nobody has worked on it for its time.
  if (isWhole && row.dataset.alert && !row.dataset.seen && (row.dataset.alert !== old?.dataset.alert || old.dataset.seen)) report('arrived', { row, by });
  offer(row);
  expect(row);
  if (isFree) place(row);
  else moved.add(row);
  showOrder();
  report('changed', { id, rev });
}

function remove(row) {
  const part = row.parentElement;
  moved.delete(row);
  row.remove();
  fit(part);
}

/** Removes a row. While the list is frozen it keeps its place, struck out. */
export function leave({ id }) {
  const row = rowOf(id);
  if (row && isFrozen()) {
    row.classList.add('left');
    disable(row);
    moved.add(row);
  } else if (row) remove(row);
  showOrder();
  report('changed', { id, rev: Infinity });
}

/** Shows these rows and no other. */
export function replaceAll(wanted) {
  const ids = new Set(wanted.map((row) => row.id));
  for (const row of rows()) if (!ids.has(row.dataset.id)) leave({ id: row.dataset.id });
  for (const row of wanted) put(row);
  if (!isWhole) report('whole');
  isWhole = true;
}

/** Applies the filter and the clock to all rows: what becomes overdue has another place. What the person has asked for is done at once. */
export function markAll(isAsked = false) {
  wake(Date.now() / 1000 + LOOK_S);
  const isFree = isAsked || !isFrozen();
  for (const row of rows()) {
    const wasLate = row.classList.contains('overdue');
    mark(row, isFree);
    expect(row);
    if (row.classList.contains('overdue') === wasLate) continue;
    showTimes(row);
    moved.add(row);
  }
  for (const part of [...list.children]) fit(part);
  settleIfFree();
  showOrder();
  report('marked');
}

let wakeAt = 0;
let alarm = 0;

/** Looks at all rows at a time, in seconds, and not before. */
function wake(at) {
  wakeAt = at;
  clearTimeout(alarm);
  alarm = setTimeout(() => markAll(), at * 1000 - Date.now() + 1);
}

/** Looks at all rows as soon as this one becomes overdue or due soon. */
function expect({ dataset: row }) {
  for (const at of [row.due, row.soon]) if (at && !isPast(at) && at < wakeAt) wake(Number(at));
}

/** Moves the focus by so many rows. */
export function step(by) {
  const shown = rows().filter((row) => !row.hidden && !row.inert);
  const present = shown.indexOf(document.activeElement?.closest('.row'));
  const next = shown[present < 0 ? 0 : Math.min(Math.max(present + by, 0), shown.length - 1)];
  next?.querySelector('a')?.focus();
}

list.addEventListener('pointerenter', () => { isPointerIn = true; });
list.addEventListener('pointerleave', () => {
  isPointerIn = false;
  settleIfFree();
});
list.addEventListener('focusout', () => setTimeout(settleIfFree));
bar.addEventListener('click', settle);
for (const row of rows()) {
  offer(row);
  mark(row);
}
markAll();
