// Saved views: filters with a name, of the person or of a team. The counts are of the rows that the browser has.

import { list, rows as allRows } from './dom.js';
import { choose, fill, matches, read } from './filter.js';
import { markAll } from './rows.js';

const bar = document.getElementById('views');
const links = [...bar.querySelectorAll('a[data-view]')].map((link) => /** @type {HTMLAnchorElement} */ (link));

function isChosen(link) {
  const query = (search) => JSON.stringify([...new URLSearchParams(search)].filter(([, text]) => text).sort());
  return query(link.search) === query(location.search);
}

function show() {
  const all = allRows();
  for (const link of links) {
    const wanted = read(new URLSearchParams(link.search));
    const rows = all.filter((row) => matches(row, wanted));
    const late = rows.filter((row) => row.classList.contains('overdue')).length;
    const [count, overdue] = link.querySelectorAll('b');
    count.textContent = String(rows.length);
    overdue.textContent = String(late);
    overdue.parentElement.hidden = late === 0;
    if (isChosen(link)) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
}

let timer = 0;
/** Counts again soon: once for many changes. */
function later() {
  timer ||= setTimeout(() => {
    timer = 0;
    show();
  }, 500);
}

bar.addEventListener('click', (event) => {
  const link = links.find((link) => link.contains(event.target));
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState({}, '', link.href);
  choose(link.search);
  markAll(true);
  show();
});
document.getElementById('save-view').addEventListener('submit', ({ target }) => fill(target));
for (const event of ['changed', 'marked']) list.addEventListener(event, later);
show();
