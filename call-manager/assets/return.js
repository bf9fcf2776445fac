// "Back" and a reload return to the place in the list, once all of its rows are there.

import { list } from './dom.js';

const key = () => `scroll ${location.href}`;

window.addEventListener('pagehide', () => sessionStorage.setItem(key(), String(scrollY)));
list.addEventListener('whole', () => {
  const [entry] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType('navigation'));
  const place = Number(sessionStorage.getItem(key()));
  if (entry && entry.type !== 'navigate' && place > scrollY) scrollTo(0, place);
}, { once: true });
