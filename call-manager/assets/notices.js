// New work while nobody looks: counted in the title and in the icon of the tab until somebody does, and noticed by the system.

import { list, page } from './dom.js';
import { matches } from './filter.js';
import { show as showFollowUp } from './panel.js';
import { setting } from './settings.js';

const { title } = document;
const icon = document.querySelector('link[rel=icon]');
const fresh = new Set();

function show() {
  const count = fresh.size;
  document.title = count ? `(${count}) ${title}` : title;
  const text = count > 99 ? '99' : String(count || '');
  const [fill, size] = count ? ['#b3141f', 20] : ['#1450a3', 0];
  const drawn = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="${fill}"/>`
    + `<text x="16" y="23" font-family="sans-serif" font-weight="700" font-size="${size}" fill="#fff" text-anchor="middle">${text}</text></svg>`;
  icon.href = `data:image/svg+xml,${encodeURIComponent(drawn)}`;
}

// Notices of the system

/** Whether the system shows notices of this page: `insecure` pages have none. */
function permission() {
  return isSecureContext && 'Notification' in window ? Notification.permission : 'insecure';
}

function showPermission() {
  for (const part of document.querySelectorAll('#settings [data-permission]')) part.hidden = part.dataset.permission !== permission();
}

function notify(row) {
  if (permission() !== 'granted' || !setting('notify')) return;
  const [name, text] = ['.who', '.what > span[dir]'].map((part) => row.querySelector(part).textContent.trim());
  try {
    // Tabs that notice the same row show it once.
    const notice = new Notification(name, { body: text, tag: row.dataset.id, silent: true });
    notice.addEventListener('click', () => {
      window.focus();
      showFollowUp(row.dataset.id);
      notice.close();
    });
  } catch {
    // Android has them only for pages with a worker of their own; the title and the icon count there too.
  }
}

list.addEventListener('arrived', ({ detail: { row, by } }) => {
  if (!document.hidden || by === page.me || !matches(row)) return;
  fresh.add(row.dataset.id);
  show();
  notify(row);
});
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  fresh.clear();
  show();
});
document.getElementById('allow-notices').addEventListener('click', async () => {
  await Notification.requestPermission();
  showPermission();
});
document.getElementById('open-settings').addEventListener('click', showPermission);
show();
showPermission();
