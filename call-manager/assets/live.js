// The tab's end of the line to the server: what comes is shown, and so is whether anything can come.

import { list, page, person } from './dom.js';
import { leave, put, replaceAll } from './rows.js';
import { showSession } from './session.js';
import { setSpeaker } from './sound.js';
import { at } from './times.js';

const lineText = document.getElementById('line');

function showLine({ live, asOf, session }) {
  lineText.className = `line ${live ? 'live' : 'lost'}`;
  showSession(session);
  if (session !== 'mine') {
    lineText.textContent = page.wordSignedOut;
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
  if (data.kind === 'speaker') setSpeaker(data.isIt);
}

async function join() {
  if (typeof SharedWorker === 'function') {
    const { port } = new SharedWorker(page.line, { type: 'module', name: `line ${person}` });
    port.onmessage = receive;
    return port;
  }
  // Without workers the tab has a stream of its own.
  const { connect } = await import('./line.js');
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = receive;
  connect(port2, person);
  return port1;
}

const port = await join();
for (const event of ['online', 'pageshow']) window.addEventListener(event, () => port.postMessage('wake'));
list.addEventListener('audible', () => port.postMessage('audible'));
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) port.postMessage('wake');
});
window.addEventListener('offline', () => port.postMessage('lost'));
window.addEventListener('pagehide', () => port.postMessage('bye'));
