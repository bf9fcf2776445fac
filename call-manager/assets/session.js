// The session of the person. When it is over the page greys, keeps everything, and offers a small window in which to sign in again.
//
// Promise: nothing that was typed is lost, and nobody continues by mistake under the name of somebody else.

import { ask, person } from './dom.js';

const bar = document.getElementById('session');
const link = bar?.querySelector('a');

/** Opens the window; null where the browser does not allow it now. */
const open = () => window.open(link.href, 'aftercall-sign-in', 'popup,width=480,height=640');

/** Shows whose session it is: `mine`, nobody's (`over`), or that of somebody `else`. */
export function showSession(state) {
  if (!bar || bar.dataset.state === state) return;
  bar.dataset.state = state;
  bar.hidden = state === 'mine';
  document.body.classList.toggle('signed-out', state !== 'mine');
  for (const part of bar.children) part.hidden = !part.classList.contains(state);
  // A browser allows a window for a moment after a click, such as that on a button whose push was refused.
  if (state === 'over' && navigator.userActivation?.isActive) open();
}

link?.addEventListener('click', (event) => {
  if (open()) event.preventDefault();
});

// Somebody has signed in, in a tab of this browser.
new BroadcastChannel('session').addEventListener('message', async () => {
  const answer = await ask('/me').catch(() => null);
  if (answer?.ok) showSession((await answer.text()) === person ? 'mine' : 'else');
});
