// The settings of a person in this browser. The form of the page is the truth; what it has is kept for the next time.

import { keyOf, page } from './dom.js';
import { useZone } from './times.js';

const KEY = keyOf('settings');
const dialog = document.getElementById('settings');
const form = dialog.querySelector('form');

const isSwitch = (field) => field.type === 'checkbox';

/** A setting by its name: a text, or whether a switch is on. */
export function setting(name) {
  const field = form.elements.namedItem(name);
  return isSwitch(field) ? field.checked : field.value;
}

function read() {
  const kept = JSON.parse(localStorage.getItem(KEY) ?? '{}');
  for (const [name, value] of Object.entries(kept)) {
    const field = form.elements.namedItem(name);
    if (!field) continue;
    if (isSwitch(field)) field.checked = value;
    else field.value = value;
  }
  takeZone();
}

/** All times are in the zone that the person has chosen. */
function takeZone() {
  const field = form.elements.zone;
  field.setCustomValidity(useZone(field.value.trim()) ? '' : page.wordNoZone);
}

/** Keeps the settings as they are in the form. */
export function keep() {
  const names = [...form.elements].map((field) => field.name).filter(Boolean);
  localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(names.map((name) => [name, setting(name)]))));
}

// Some of its fields are elsewhere in the page.
document.addEventListener('input', ({ target }) => {
  if (target.form !== form) return;
  takeZone();
  if (form.checkValidity()) keep();
});
// Hundreds of names, which few people ever need.
form.elements.zone.addEventListener('focus', ({ target }) => {
  target.list.replaceChildren(...Intl.supportedValuesOf('timeZone').map((name) => new Option(name)));
}, { once: true });
form.elements.zone.placeholder = Intl.DateTimeFormat().resolvedOptions().timeZone;
// Another tab has changed them.
window.addEventListener('storage', ({ key }) => {
  if (key === KEY) read();
});
document.getElementById('open-settings').addEventListener('click', () => dialog.showModal());
read();
