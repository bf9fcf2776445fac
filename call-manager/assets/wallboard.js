// The counts, live: on the page of the team and on the wall.
//
// Promise: a page never shows "live" while nothing comes.

import { person } from './dom.js';
import { at, showTimes } from './times.js';

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

function showBoard({ html, as_of: time, version }) {
  // The program of the server is another one now, and may show more.
  if (version !== page.version) location.reload();
  asOf = time;
  const focused = counts.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
  counts.innerHTML = html;
  showTimes(counts);
  if (focused) counts.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
}

async function join(address, check, receive) {
  if (typeof SharedWorker === 'function') {
    const name = `counts ${address} ${check} ${person ?? ''}`;
    const { port } = new SharedWorker(new URL('./counts.js', import.meta.url), { type: 'module', name });
    port.onmessage = receive;
    return port;
  }
  // Without workers the tab has a stream of its own.
  const { connect } = await import('./counts.js');
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = receive;
  connect(port2, address, check);
  return port1;
}

/** Follows the counts. `check` is an address that answers whether the session has ended. */
export async function follow(address, check, onBoard = () => {}) {
  const port = await join(address, check, ({ data: { board, line } }) => {
    if (board) {
      showBoard(board);
      onBoard();
    }
    showLine(line);
  });
  window.addEventListener('pagehide', () => port.postMessage('bye'));
  window.addEventListener('pageshow', () => port.postMessage('hello'));
}
