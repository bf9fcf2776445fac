// The counts, live: on the page of the team and on the wall.
//
// Promise: a page never shows "live" while nothing comes, and it tries for as long as it is open.

import { ask } from './dom.js';
import { at, showTimes } from './times.js';

const SILENCE = 40_000;
const WAIT_MAX = 15_000;

const page = document.body.dataset;
const lineText = document.getElementById('line');
const counts = document.getElementById('counts');
let asOf = '';

/** Says whether the counts are live, or why there are none. */
export function showLine({ live, signedOut = false, why = '' }) {
  lineText.className = `line ${live ? 'live' : 'lost'}`;
  const since = asOf ? ` · ${page.wordAsOf} ${at(new Date(asOf))}` : '';
  if (why || signedOut) lineText.textContent = why || page.wordSignedOut;
  else lineText.textContent = live ? page.wordLive : page.wordReconnecting + since;
  counts.classList.toggle('stale', !live);
  if (signedOut) counts.replaceChildren();
}

function showBoard({ html, live, as_of: time, version }) {
  // The program of the server is another one now, and may show more.
  if (version !== page.version) location.reload();
  asOf = time;
  const focused = counts.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
  counts.innerHTML = html;
  showTimes(counts);
  if (focused) counts.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
  showLine({ live });
}

/** Follows the counts. `check` is an address that answers whether the session has ended. */
export function follow(address, check, onBoard = () => {}) {
  let source;
  let heardAt = Date.now();
  let wait = 500;
  let retry = 0;

  function heard(event) {
    heardAt = Date.now();
    wait = 500;
    return JSON.parse(event.data);
  }

  function open() {
    retry = 0;
    heardAt = Date.now();
    source = new EventSource(address);
    source.addEventListener('board', (event) => {
      showBoard(heard(event));
      onBoard();
    });
    source.addEventListener('line', (event) => showLine(heard(event)));
    source.addEventListener('refused', lost);
    source.addEventListener('error', lost);
  }

  async function isSignedOut() {
    try {
      const answer = await ask(check);
      return answer.status === 401;
    } catch {
      // The server is away.
      return false;
    }
  }

  async function again() {
    if (await isSignedOut()) {
      showLine({ live: false, signedOut: true });
      retry = setTimeout(again, WAIT_MAX);
    } else open();
  }

  function lost() {
    source.close();
    showLine({ live: false });
    if (retry) return;
    retry = setTimeout(again, wait);
    wait = Math.min(wait * 2, WAIT_MAX);
  }

  open();
  setInterval(() => {
    if (!retry && Date.now() - heardAt > SILENCE) lost();
  }, 5_000);
}
