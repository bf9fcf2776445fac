// The one stream of this browser, shared by all of its tabs.
//
// It keeps the newest state of each row, so that a tab that opens later has the same list as the others. After a loss it continues with
// the token of the last event. Promise: a tab never shows "live" while nothing comes.

/** The server says something at least every 15 s. */
const HEARTBEAT = 17_000;
const SILENCE = 40_000;
/** A stream that has just been opened says something sooner. */
const FIRST_SILENCE = 15_000;
const WAIT_MAX = 10_000;
/** A server that does not answer within this is away: a network can swallow a request without a word. */
const ANSWER = 8_000;

const rows = new Map();
const ports = new Set();
const audible = new Set();
let coming = null;
let isWhole = false;
let source = null;
let token = '';
let heardAt = Date.now();
let patience = SILENCE;
let wait = 500;
let retry = 0;
let line = { live: false, asOf: '', session: 'mine' };
/** The teams whose follow-ups the person gets only as the next one; null until the server has sent them. */
let shares = null;
let person = '';

function say(message) {
  for (const port of ports) port.postMessage(message);
}

function setLine(change) {
  line = { ...line, ...change };
  say({ kind: 'line', line });
}

function heard(event) {
  heardAt = Date.now();
  patience = SILENCE;
  wait = 500;
  if (event.lastEventId) token = event.lastEventId;
  return JSON.parse(event.data);
}

function open() {
  clearTimeout(retry);
  retry = 0;
  source?.close();
  coming = null;
  heardAt = Date.now();
  patience = FIRST_SILENCE;
  source = new EventSource(token ? `/events?after=${encodeURIComponent(token)}` : '/events');
  source.addEventListener('snapshot', (event) => {
    const row = heard(event);
    coming ??= new Map();
    coming.set(row.id, row);
  });
  source.addEventListener('snapshot-end', (event) => {
    heard(event);
    rows.clear();
    for (const [id, row] of coming ?? []) rows.set(id, row);
    coming = null;
    isWhole = true;
    say({ kind: 'all', rows: [...rows.values()] });
  });
  source.addEventListener('row', (event) => {
    const row = heard(event);
    if ((rows.get(row.id)?.rev ?? 0) >= row.rev) return;
    rows.set(row.id, row);
    say({ kind: 'row', row });
  });
  source.addEventListener('gone', (event) => {
    const gone = heard(event);
    rows.delete(gone.id);
    say({ kind: 'gone', gone });
  });
  source.addEventListener('line', (event) => {
    const { live, as_of: asOf } = heard(event);
    setLine(asOf ? { live, asOf, session: 'mine' } : { live });
  });
  source.addEventListener('shares', (event) => {
    shares = heard(event);
    say({ kind: 'shares', shares });
  });
  source.addEventListener('reset', heard);
  source.addEventListener('refused', lost);
  source.addEventListener('error', lost);
}

function lost() {
  source?.close();
  setLine({ live: false });
  if (retry) return;
  retry = setTimeout(again, wait);
  wait = Math.min(wait * 2, WAIT_MAX);
}

/** Who is signed in now: `mine` for the person of these tabs, nobody (`over`), or somebody `else`. */
async function session() {
  try {
    const answer = await fetch('/me', { headers: { 'x-fragment': '1' }, cache: 'no-store', signal: AbortSignal.timeout(ANSWER) });
    if (answer.status === 401) return 'over';
    return answer.ok && (await answer.text()) !== person ? 'else' : 'mine';
  } catch {
    // The server is away; the stream finds that too.
    return 'mine';
  }
}

async function again() {
  clearTimeout(retry);
  retry = 0;
  const now = await session();
  if (now === 'mine') {
    open();
    return;
  }
  setLine({ live: false, session: now });
  lost();
}

/** Somebody looks, or the network is back: after a sleep the stream may be dead without a word. */
function wake() {
  if (Date.now() - heardAt > HEARTBEAT || !line.live) again();
}

setInterval(() => {
  if (!retry && Date.now() - heardAt > patience) lost();
}, 5_000);

/** The first tab that can make a sound makes all of them. */
function appoint() {
  for (const port of audible) port.postMessage({ kind: 'speaker', isIt: port === [...audible][0] });
}

function leave(port) {
  ports.delete(port);
  if (audible.delete(port)) appoint();
}

export function connect(port, name) {
  person = name;
  port.onmessage = ({ data }) => {
    if (data === 'bye') leave(port);
    if (data === 'audible') {
      audible.add(port);
      appoint();
    }
    if (data === 'lost') lost();
    if (data !== 'wake') return;
    // A tab that the browser has kept comes back.
    if (!ports.has(port)) greet(port);
    wake();
  };
  // A tab that crashes says nothing.
  port.addEventListener?.('close', () => leave(port));
  greet(port);
  if (!source) open();
}

function greet(port) {
  ports.add(port);
  port.postMessage({ kind: 'line', line });
  if (shares !== null) port.postMessage({ kind: 'shares', shares });
  if (isWhole) port.postMessage({ kind: 'all', rows: [...rows.values()] });
}

if (typeof SharedWorkerGlobalScope !== 'undefined' && self instanceof SharedWorkerGlobalScope) {
  self.onconnect = (event) => connect(event.ports[0], self.name.slice('line '.length));
  new BroadcastChannel('session').onmessage = again;
}
