// The bar that takes back the last push: it stays over a reload and on every page, until its time is over.

import { ask, keyOf } from './dom.js';
import { showTimes } from './times.js';

const bar = document.getElementById('undo');
const [text, button, dismiss] = bar.children;
const left = button.querySelector('b');
const KEY = keyOf('undo');
/** For how long the bar says that it is too late, in ms. */
const LATE_MS = 60_000;

const read = () => JSON.parse(localStorage.getItem(KEY) ?? 'null');
let timer = 0;

function show() {
  const push = read();
  const ms = push ? push.until - Date.now() : -Infinity;
  bar.hidden = ms < -LATE_MS;
  button.hidden = ms <= 0 || Boolean(push.why);
  clearInterval(timer);
  if (bar.hidden) return;
  const why = push.why ?? (ms <= 0 ? bar.dataset.late : '');
  const words = why ? `${push.what}: ${why}` : push.what;
  // The text is read aloud when it changes; the seconds are not.
  if (text.textContent !== words) text.textContent = words;
  const seconds = Math.ceil(ms / 1000);
  left.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  timer = setInterval(show, 1_000);
}

function set(push) {
  if (push) localStorage.setItem(KEY, JSON.stringify(push));
  else localStorage.removeItem(KEY);
  show();
}

/** Offers to take back a push of a follow-up for so many seconds. `what` names it for the person. */
export function offerUndo(id, what, seconds) {
  set({ id, what, until: Date.now() + seconds * 1000 });
}

/** Offers it no longer: the last push of a follow-up has been taken back in another way. Without an id that of any. */
export function forgetUndo(id = read()?.id) {
  if (read()?.id === id) set(null);
}

/** The reason in a page that refuses something. */
export function reasonIn(html) {
  const made = document.createElement('template');
  made.innerHTML = html;
  showTimes(made.content);
  return made.content.querySelector('.refused span')?.textContent ?? html;
}

button.addEventListener('click', async () => {
  const push = read();
  const body = new URLSearchParams({ request_id: `undo-${push.id}-${push.until}` });
  button.disabled = true;
  try {
    const answer = await ask(`/f/${push.id}/undo`, body);
    if (answer.ok) set(null);
    else set({ ...push, why: reasonIn(await answer.text()), until: Date.now() });
  } catch {
    text.textContent = bar.dataset.away;
  }
  button.disabled = false;
});
dismiss.addEventListener('click', () => set(null));
window.addEventListener('storage', show);
show();
