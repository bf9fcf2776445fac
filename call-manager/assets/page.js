// What every page does: times that stay true while the page is open, the choice of colours, and signing out.

import { Drafts } from './drafts.js';
import './session.js';
import { keepTimes } from './times.js';
import { forgetUndo } from './undo.js';

keepTimes();

const theme = /** @type {HTMLSelectElement} */ (document.getElementById('theme'));
theme?.addEventListener('change', () => {
  const chosen = theme.value;
  if (chosen) localStorage.setItem('theme', chosen);
  else localStorage.removeItem('theme');
  document.documentElement.dataset.theme = chosen;
});
if (theme) theme.value = document.documentElement.dataset.theme ?? '';

// What was typed is of the person: it leaves the browser with them.
document.getElementById('sign-out')?.addEventListener('submit', () => {
  new Drafts().forgetAll();
  forgetUndo();
});

// The menu closes when the person looks elsewhere.
const menu = document.querySelector('details.me');
document.addEventListener('click', ({ target }) => {
  if (!menu?.contains(target)) menu?.removeAttribute('open');
});
menu?.addEventListener('keydown', ({ key }) => {
  if (key !== 'Escape') return;
  menu.removeAttribute('open');
  menu.querySelector('summary').focus();
});
