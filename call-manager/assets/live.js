// The tab's end of the line to the server: what comes is shown, and so is whether anything can come.

import { list, page, person } from './dom.js';
import { leave, put, replaceAll, setShared } from './rows.js';
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
  if (data.kind === 'shares') setShared(data.shares);
  if (data.kind === 'speaker') setSpeaker(data.isIt);
}

/** Takes what the line says, and says what the tab knows. */
function use(port) {
  port.onmessage = receive;
  const send = (message) => port.postMessage(message);
  for (const event of ['online', 'pageshow']) window.addEventListener(event, () => send('wake'));
  list.addEventListener('audible', () => send('audible'));
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) send('wake');
  });
  window.addEventListener('offline', () => send('lost'));
  window.addEventListener('pagehide', () => send('bye'));
}

if (typeof SharedWorker === 'function') use(new SharedWorker(page.line, { type: 'module', name: `line ${person}` }).port);
else {
  // Without workers the tab has a stream of its own.
  import('./line.js').then(({ connect }) => {
    const { port1, port2 } = new MessageChannel();
    use(port1);
    connect(port2, person);
  });
}
