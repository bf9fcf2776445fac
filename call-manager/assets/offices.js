// Comfort for the pages of authors and operators. All of them work without it.

import { keyOf } from './dom.js';
import { Drafts } from './drafts.js';

const text = document.querySelector('#editor textarea');
const kept = document.getElementById('kept');
const key = `${keyOf('draft')} file ${kept?.dataset.name ?? ''}`;

/** A click on an error selects its line in the text. */
function selectLine(number) {
  const lines = text.value.split('\n');
  const begin = lines.slice(0, number - 1).join('\n').length + (number > 1 ? 1 : 0);
  text.focus();
  text.setSelectionRange(begin, begin + (lines[number - 1] ?? '').length);
  text.scrollTop = (text.scrollHeight / lines.length) * Math.max(number - 6, 0);
}

/** What was typed before a session ended or a browser closed is offered, never put into the text. */
function offer() {
  const typed = localStorage.getItem(key);
  if (typed === null || typed === text.value) return;
  kept.hidden = false;
  kept.querySelector('[data-act=show]').addEventListener('click', () => {
    text.value = typed;
    kept.hidden = true;
    text.focus();
  });
  kept.querySelector('[data-act=discard]').addEventListener('click', () => {
    localStorage.removeItem(key);
    kept.hidden = true;
  });
}

if (kept?.dataset.stored) localStorage.removeItem(key);
else if (text) {
  offer();
  text.addEventListener('input', () => localStorage.setItem(key, text.value));
  for (const link of document.querySelectorAll('a[data-line]')) {
    link.addEventListener('click', (event) => {
      event.preventDefault();
      selectLine(Number(link.dataset.line));
    });
  }
}

const trial = document.querySelector('main[data-trial]');
if (trial) {
  const drafts = new Drafts();
  const [all, own] = [trial.dataset.trial, `${trial.dataset.id} `].map((name) => `${keyOf('draft')} ${name}`);
  const [{ type }] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType('navigation'));
  // A step was taken: the server keeps what was typed until then. Somebody who is back from signing in has not taken it.
  if (type === 'navigate' && !own.startsWith(`${all} `)) {
    for (const name of Object.keys(localStorage)) if (name.startsWith(all) && !name.startsWith(own)) localStorage.removeItem(name);
  }
  drafts.restore(trial);
  trial.addEventListener('input', ({ target }) => drafts.keep(target.form));
}

/** What is running is read again until it ends. */
async function follow() {
  const shown = document.querySelector('[data-running]');
  if (!shown) return;
  try {
    const answer = await fetch(location.href);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const fresh = page.getElementById(shown.id);
    if (fresh) shown.replaceWith(document.adoptNode(fresh));
  } finally {
    setTimeout(follow, 1_000);
  }
}
follow();
