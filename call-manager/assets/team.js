// The page of the team: the counts, live, and who holds what.

import { ask } from './dom.js';
import { showTimes } from './times.js';
import { follow } from './wallboard.js';

const REST = 3_000;

const holders = document.querySelector('#holders .loaded');
let isResting = false;
let isStale = false;

/** Reads who holds what, at most every few seconds. */
async function refresh() {
  isStale = true;
  if (isResting) return;
  isResting = true;
  isStale = false;
  try {
    const answer = await ask('/team');
    if (answer.ok) show(await answer.text());
  } catch {
    // The line says that the page is not live.
  }
  setTimeout(() => {
    isResting = false;
    if (isStale) refresh();
  }, REST);
}

function show(html) {
  const focused = holders.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
  holders.innerHTML = html;
  showTimes(holders);
  if (focused) holders.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
}

follow('/team/events', '/me', refresh);
