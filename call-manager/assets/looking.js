// Who else looks at the open follow-up: shown, so that two people do not begin the same work.

import { ask, openId, page, panel } from './dom.js';

let names = '';
let at = '';

function show() {
  const title = panel.querySelector('h2');
  panel.querySelector('.looking')?.remove();
  if (!names || openId() !== at || !title) return;
  const shown = document.createElement('small');
  shown.className = 'looking';
  shown.setAttribute('role', 'status');
  shown.textContent = `${page.wordLooking}: ${names}`;
  title.after(shown);
}

async function look() {
  const id = openId();
  if (!id || document.hidden) return;
  try {
    const answer = await ask(`/f/${encodeURIComponent(id)}/looking`, new URLSearchParams());
    [at, names] = [id, answer.ok ? await answer.text() : ''];
  } catch {
    names = '';
  }
  show();
}

// What is shown again keeps the names; another follow-up has others.
new MutationObserver(() => {
  if (openId() === at) show();
  else look();
}).observe(panel, { childList: true });
setInterval(look, 15_000);
look();
