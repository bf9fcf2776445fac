// The pointer in the list. Promise: a click counts only on the row where the press was, also where that row was shown again meanwhile.

import { list } from './dom.js';
import { show } from './panel.js';

/** What the pointer is on: the follow-up, and the part of its row with what it does. A request id does nothing. */
function under({ target }) {
  const part = target.closest('a, button, input');
  return { id: target.closest('.row')?.dataset.id, part, does: [part?.dataset.act, part?.href, part?.value?.replace(/request_id=[^&]*/, '')].join() };
}

let pressed = null;

list.addEventListener('pointerdown', (event) => { pressed = under(event); }, true);
// Browsers drop the click where the pressed part has been replaced.
list.addEventListener('pointerup', (event) => {
  const { id, part, does } = under(event);
  if (part && pressed && !pressed.part?.isConnected && id === pressed.id && does === pressed.does && !event.button) part.click();
}, true);
list.addEventListener('click', (event) => {
  const row = event.target.closest('.row');
  if (event.detail > 0 && row?.dataset.id !== pressed?.id) {
    event.preventDefault();
    event.stopPropagation();
    return;
  }
  const link = /** @type {HTMLAnchorElement} */ (event.target.closest('a[href^="/f/"]'));
  if (link && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
    event.preventDefault();
    show(row.dataset.id, link.hash);
  }
}, true);
