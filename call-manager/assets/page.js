// What every page does: times that stay true while the page is open, and the choice of colours.

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
