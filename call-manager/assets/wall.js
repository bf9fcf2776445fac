// The wall: takes the token out of the address, and shows the counts for as long as the screen is on.

import { ask } from './dom.js';
import { keepTimes } from './times.js';
import { follow, showLine } from './wallboard.js';

const page = document.body.dataset;
const form = document.getElementById('token');
const WAIT_MAX = 30_000;

/** Posts the token once. Returns whether it was accepted. */
async function post(token) {
  const body = new URLSearchParams({ token });
  try {
    const answer = await ask('/wall', body);
    if (answer.ok) return true;
    showLine({ live: false, why: answer.status < 500 ? await answer.text() : '' });
  } catch {
    // The server is away.
    showLine({ live: false });
  }
  return false;
}

/** Posts the token until it is accepted: nobody is there to try again, and a new token takes a moment to be known. */
async function signIn(token) {
  for (let wait = 1_000; !await post(token); wait = Math.min(wait * 2, WAIT_MAX)) {
    await new Promise((after) => { setTimeout(after, wait); });
  }
}

async function stayAwake() {
  try {
    await navigator.wakeLock?.request('screen');
  } catch {
    // The screen decides when it sleeps.
  }
}

keepTimes();
document.addEventListener('visibilitychange', stayAwake);
stayAwake();

const token = location.hash.slice(1);
if (token) {
  // Nobody reads it from the address bar, the history or a picture of the screen.
  history.replaceState(null, '', location.pathname);
  form.hidden = true;
  await signIn(token);
}
if (token || page.signedIn) follow('/wall/events', '/wall/me');
