// The keyboard. Each key can be another one, and all can be switched off: people who speak to their computer press keys without
// knowing it. Keys with Ctrl, Alt or Meta belong to the browser.

import { filter, openId, page, panel } from './dom.js';
import { hide, show } from './panel.js';
import { step } from './rows.js';
import { setting } from './settings.js';

const dialog = document.getElementById('settings');
const fields = [...dialog.querySelectorAll('input[name^=key-]')];
const undoBar = document.getElementById('undo');
/** Keys that search in the page in some browsers. */
const OF_BROWSERS = ["'", '/', ' '];

/** Presses a button of the follow-up that has the focus, and opens it first. */
async function press(row, name) {
  if (row && openId() !== row.dataset.id) await show(row.dataset.id);
  const target = panel.querySelector(`[data-key="${name}"]`);
  if (target?.tagName === 'BUTTON') target.click();
  else target?.focus();
  if (target?.tagName === 'SUMMARY') target.parentElement.open = true;
}

/** Claims from the row, where nobody holds it; it needs no look at the follow-up, unless that says why it cannot be chosen. */
function claim(row) {
  const button = row?.matches(':not(.shared)') && row.querySelector('[data-act=claim]');
  if (button) button.click();
  else press(row, 'c');
}

function undo(row) {
  const [, button] = undoBar.children;
  if (undoBar.hidden || button.hidden) press(row, 'u');
  else button.click();
}

function changeAfter() {
  const after = dialog.querySelector('form').elements.after;
  after.selectedIndex = (after.selectedIndex + 1) % after.length;
  after.dispatchEvent(new Event('input', { bubbles: true }));
}

const actions = {
  down: () => step(1),
  up: () => step(-1),
  claim,
  note: (row) => press(row, 'n'),
  snooze: (row) => press(row, 's'),
  seen: (row) => press(row, 'v'),
  undo,
  next: () => document.getElementById('claim-next').requestSubmit(),
  after: changeAfter,
  find: () => filter.elements.q.focus(),
  pick: (row) => row?.querySelector('.pick')?.click(),
  help: () => dialog.showModal(),
};

/** A key is one sign, no browser's own, and has one meaning. */
function check() {
  const used = fields.map((field) => field.value);
  for (const field of fields) {
    const isFree = used.indexOf(field.value) === used.lastIndexOf(field.value) && !OF_BROWSERS.includes(field.value);
    field.setCustomValidity(isFree ? '' : page.wordKeyTaken);
  }
}

for (const field of fields) {
  field.addEventListener('input', () => {
    check();
    field.reportValidity();
  });
}

document.addEventListener('keydown', (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || dialog.open || !setting('keys')) return;
  if (target.closest('input:not([type=checkbox]), textarea, select')) return;
  if (key === 'Escape') {
    if (openId()) hide();
    return;
  }
  const field = fields.find(({ value }) => value === key);
  if (!field) return;
  event.preventDefault();
  actions[field.name.slice(4)](target.closest('.row'));
});
