// The forms of the page, sent without leaving it, one after the other in the order of the clicks.
//
// Promise: a form is sent once at a time, and a refused one comes back with its text.

import { ask, filter, list, newId, openId, page, panel } from './dom.js';
import { apply } from './filter.js';
import { claimNext, proceed } from './next.js';
import { drafts, fail, patch, showPanel } from './panel.js';
import { countPending, markAll } from './rows.js';
import { showSession } from './session.js';
import { forgetUndo, offerUndo, reasonIn } from './undo.js';

let queue = Promise.resolve();

/** What the browser would send. */
function bodyOf(form, submitter) {
  return new URLSearchParams([...new FormData(form, submitter)]);
}

/** Sends a form, or what a button of a row has, once those before it are answered. */
function send(form, submitter, action, body) {
  if (form.dataset.sending) return;
  form.dataset.sending = '1';
  const { id } = form.closest('[data-id]').dataset;
  const name = (form.closest('.row') ?? panel).querySelector('.who b, h2')?.textContent ?? '';
  const what = [submitter?.textContent.trim(), name].filter(Boolean).join(' · ');
  countPending(id, 1);
  queue = queue.then(() => deliver(form, action, id, body, what)).catch(fail).finally(() => {
    delete form.dataset.sending;
    countPending(id, -1);
  });
}

async function deliver(form, action, id, body, what) {
  const answer = await ask(action, body);
  const html = await answer.text();
  const isElsewhere = openId() && openId() !== id;
  if (answer.ok) {
    if (form.dataset.form) drafts.forget(form);
    const seconds = answer.headers.get('x-undo-seconds');
    if (seconds) offerUndo(id, what, Number(seconds));
    else if (action.endsWith('/undo')) forgetUndo(id);
    if (form.classList.contains('push') && await proceed()) return;
    if (openId() === id) showPanel(html, form.dataset.form);
  } else if (answer.status !== 409) {
    if (answer.status === 401) showSession('over');
    throw new Error(html || page.wordAway);
  } else if (isElsewhere && panel.querySelector('form.typed')) {
    // Somebody types there: what they do stays in front of them.
    throw new Error(`${what}: ${reasonIn(html)}`);
  } else {
    if (openId() !== id) history.pushState({ id }, '', `/f/${id}${location.search}`);
    showPanel(html);
    panel.querySelector('.refused')?.focus();
  }
}

/** After a refusal the next claim waits so long, in seconds. */
const REFUSED_S = 10;
/** When a claim may be sent again, by its address. */
const nextClaims = new Map();
let isClaiming = false;

/**
 * The person who types holds the follow-up, so that nobody else does the same work. While they type, the claim is extended after a third
 * of its time. What got no answer is sent again at the next key.
 */
async function hold() {
  const claim = panel.querySelector('.forms :is([action$="/claim"], [action$="/extend"])');
  if (!claim || isClaiming || nextClaims.get(claim.action) > Date.now()) return;
  isClaiming = true;
  const id = openId();
  try {
    const answer = await ask(claim.action, new URLSearchParams({ request_id: newId() }));
    const html = await answer.text();
    const isRefused = answer.status === 409;
    if (isRefused) nextClaims.set(claim.action, Date.now() + REFUSED_S * 1000);
    if (openId() !== id || !(answer.ok || isRefused)) return;
    const { dataset: shown } = panel.querySelector('article');
    const rev = patch(html);
    // The own claim is no change that the person must look at.
    if (rev === Number(shown.rev) + 1) {
      shown.rev = String(rev);
      panel.querySelector('.changed')?.remove();
    }
    const held = panel.querySelector('[data-left]');
    if (answer.ok && held) nextClaims.set(held.action, Date.now() + Number(held.dataset.left) * 1000 / 3);
  } catch {
    // The line says that the server is away.
  } finally {
    isClaiming = false;
  }
}

export function refilter() {
  apply();
  markAll(true);
}

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form === filter) {
    event.preventDefault();
    refilter();
  } else if (form.id === 'claim-next') {
    event.preventDefault();
    claimNext().catch(fail);
  } else if (form.closest('[data-id]')) {
    event.preventDefault();
    send(form, event.submitter, form.action, bodyOf(form, event.submitter));
  }
});

// A form in each row would cost: browsers that fill in forms look at all forms of a page after each change.
list.addEventListener('click', ({ target }) => {
  const button = /** @type {HTMLButtonElement} */ (target.closest('[data-act]'));
  if (button) send(button, button, `/f/${button.closest('.row').dataset.id}/${button.dataset.act}`, new URLSearchParams(button.value));
});

document.addEventListener('input', (event) => {
  const { form } = event.target;
  if (form === filter) refilter();
  else if (form?.dataset.form) {
    form.classList.add('typed');
    drafts.keep(form);
    hold();
  }
});
