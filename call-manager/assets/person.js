// The page of a person: times in the viewer's zone.

import { zone } from './times.js';
for (const field of document.querySelectorAll('[data-own-zone]')) field.value = zone();
for (const name of document.querySelectorAll('[data-zone-name]')) name.textContent = zone();
for (const link of document.querySelectorAll('a[href^="/team/day"]')) link.setAttribute('href', `${link.getAttribute('href')}&zone=${encodeURIComponent(zone())}`);
