// The forms of the page, sent without leaving it.
//
// Promise: a form is sent once at a time, and a refused one comes back with its text.

import { filter, openId, panel } from './dom.js';
import { rewriteAddress } from './filter.js';
import { drafts, fail, showPanel } from './panel.js';
import { markAll } from './rows.js';

/** Posts a form as the browser would, for the part of a page that answers it. */
function post(form, submitter) {
  const body = new URLSearchParams(new FormData(form, submitter));
  return fetch(form.action, { method: 'POST', headers: { 'x-fragment': '1' }, body });
}

async function send(form, submitter) {
  if (form.dataset.sending) return;
  form.dataset.sending = '1';
  const row = form.closest('.row');
  row?.classList.add('pending');
  try {
    const answer = await post(form, submitter);
    const html = await answer.text();
    const { id } = form.closest('[data-id]').dataset;
    if (answer.ok) {
      if (form.dataset.form) drafts.forget(form);
      if (!row || openId() === id) showPanel(html);
    } else if (answer.status === 409) {
      showPanel(html);
      if (row) history.pushState({ id }, '', `/f/${id}${location.search}`);
      panel.querySelector('.refused')?.focus();
    } else {
      fail(new Error(html || document.body.dataset.wordAway));
    }
  } catch (error) {
    fail(error);
  } finally {
    delete form.dataset.sending;
    row?.classList.remove('pending');
  }
}

let claimed = '';

/** The person who types holds the follow-up, so that nobody else does the same work. */
function claim() {
  const form = panel.querySelector('form[action$="/claim"]');
  if (!form || claimed === openId()) return;
  claimed = openId();
  post(form).catch(() => {});
}

function refilter() {
  rewriteAddress();
  markAll();
}

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form === filter) {
    event.preventDefault();
    refilter();
  } else if (form.closest('[data-id]')) {
    event.preventDefault();
    send(form, event.submitter);
  }
});

document.addEventListener('input', (event) => {
  const { form } = event.target;
  if (form === filter) refilter();
  else if (form?.dataset.form) {
    form.classList.add('typed');
    drafts.keep(form);
    claim();
  }
});
