// What follows on a finished piece of work: the next one, the list, or the same follow-up. The person chooses, and the choice is kept.

import { ask, newId, page } from './dom.js';
import { hide, say, showPanel } from './panel.js';
import { setting } from './settings.js';

/** Claims the most urgent follow-up that nobody holds, and opens it. */
export async function claimNext() {
  const form = /** @type {HTMLFormElement} */ (document.getElementById('claim-next'));
  form.elements.request_id.value = newId();
  const body = new URLSearchParams([...new FormData(form)]);
  const answer = await ask(form.action, body);
  const html = await answer.text();
  if (!answer.ok) throw new Error(html || page.wordAway);
  if (!html) {
    hide();
    say(page.wordNothing, 'done');
    return;
  }
  const id = showPanel(html);
  history.pushState({ id }, '', `/f/${id}${location.search}`);
  document.getElementById('panel-title')?.focus();
}

/** Goes where the person wants to be after a push. Returns whether that is another place. */
export async function proceed() {
  const after = setting('after');
  if (after === 'next') await claimNext();
  if (after === 'list') hide();
  return after !== 'stay';
}
