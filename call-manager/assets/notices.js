// New work while nobody looks: it is counted in the title, until somebody does.

import { list } from './dom.js';

const { title } = document;
let count = 0;

function show() {
  document.title = count > 0 ? `(${count}) ${title}` : title;
}

list.addEventListener('arrived', ({ detail: { row } }) => {
  if (document.hidden && !row.hidden) count += 1;
  show();
});
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  count = 0;
  show();
});
