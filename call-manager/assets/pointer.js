// The pointer in the list. Promise: a click counts only on the row where the press was.

import { list } from './dom.js';
import { show } from './panel.js';

let pressed = null;

list.addEventListener('pointerdown', (event) => { pressed = event.target.closest('.row'); }, true);
list.addEventListener('click', (event) => {
  const row = event.target.closest('.row');
  if (event.detail > 0 && row !== pressed) {
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
