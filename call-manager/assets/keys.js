// The keyboard.

import { openId, panel } from './dom.js';
import { hide, show } from './panel.js';
import { step } from './rows.js';

function press(key) {
  const target = panel.querySelector(`[data-key="${key}"]`);
  if (target?.tagName === 'BUTTON') target.click();
  else target?.focus();
  if (target?.tagName === 'SUMMARY') target.parentElement.open = true;
}

document.addEventListener('keydown', async (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || target.closest('input, textarea, select')) return;
  if (key === 'j') step(1);
  else if (key === 'k') step(-1);
  else if (key === 'Escape' && panel.firstElementChild) hide();
  else if ('cnsuv'.includes(key)) {
    const row = target.closest('.row');
    if (row && openId() !== row.dataset.id) await show(row.dataset.id);
    event.preventDefault();
    press(key);
  }
});
