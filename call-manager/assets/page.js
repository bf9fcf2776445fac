// What every page does: times that stay true while the page is open, the choice of colours, and signing out.

import { Drafts } from './drafts.js';
import { showTimes } from './times.js';

showTimes(document);
setInterval(() => showTimes(document), 15_000);

const theme = document.getElementById('theme');
theme?.addEventListener('change', () => {
  const chosen = theme.value;
  if (chosen) localStorage.setItem('theme', chosen);
  else localStorage.removeItem('theme');
  document.documentElement.dataset.theme = chosen;
});
if (theme) theme.value = document.documentElement.dataset.theme ?? '';

document.getElementById('sign-out')?.addEventListener('submit', () => {
  const { subject, me } = document.body.dataset;
  new Drafts(subject || me).forgetAll();
});
