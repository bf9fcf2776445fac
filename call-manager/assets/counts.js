// The one stream of counts in this browser, shared by all tabs that show them: browsers open six connections to a server at once, and no more.
//
// Promise: a tab that opens later has the newest counts at once, and none shows "live" while nothing comes. It tries for as long as a tab is open.

const SILENCE = 40_000;
const WAIT_MAX = 15_000;

const ports = new Set();
let [address, check] = ['', ''];
let board = null;
/** What the tabs show: whether it is live, and whether the session has ended. */
let line = { live: false };
let source = null;
let heardAt = 0;
let wait = 500;
let retry = 0;

function say(message) {
  for (const port of ports) port.postMessage(message);
}

function setLine(now) {
  line = now;
  say({ line });
}

function heard(event) {
  heardAt = Date.now();
  wait = 500;
  return JSON.parse(event.data);
}

function open() {
  clearTimeout(retry);
  retry = 0;
  heardAt = Date.now();
  source?.close();
  source = new EventSource(address);
  source.addEventListener('board', (event) => {
    board = heard(event);
    line = { live: board.live };
    say({ line, board });
  });
  source.addEventListener('line', (event) => setLine(heard(event)));
  source.addEventListener('refused', lost);
  source.addEventListener('error', lost);
}

async function isSignedOut() {
  try {
    const answer = await fetch(check, { headers: { 'x-fragment': '1' }, cache: 'no-store' });
    return answer.status === 401;
  } catch {
    // The server is away.
    return false;
  }
}

async function again() {
  clearTimeout(retry);
  retry = 0;
  if (!await isSignedOut()) {
    open();
    return;
  }
  board = null;
  setLine({ live: false, signedOut: true });
  clearTimeout(retry);
  retry = setTimeout(again, WAIT_MAX);
}

function lost() {
  source.close();
  setLine({ live: false });
  if (retry) return;
  retry = setTimeout(again, wait);
  wait = Math.min(wait * 2, WAIT_MAX);
}

setInterval(() => {
  if (source && !retry && Date.now() - heardAt > SILENCE) lost();
}, 5_000);

function greet(port) {
  ports.add(port);
  if (!source) open();
  // Somebody has just opened a tab, perhaps after signing in.
  else if (retry) again();
  port.postMessage({ line, board });
}

/** A tab follows the counts at an address. `check` is the address that answers whether its session has ended. */
export function connect(port, counts, ended) {
  [address, check] = [counts, ended];
  port.onmessage = ({ data }) => {
    if (data === 'bye') ports.delete(port);
    // A tab that the browser has kept comes back.
    else if (!ports.has(port)) greet(port);
  };
  // A tab that crashes says nothing.
  port.addEventListener?.('close', () => ports.delete(port));
  greet(port);
}

if (typeof SharedWorkerGlobalScope !== 'undefined' && self instanceof SharedWorkerGlobalScope) {
  const [, counts, ended] = self.name.split(' ');
  self.onconnect = (event) => connect(event.ports[0], counts, ended);
}
