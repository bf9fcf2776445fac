// What is done to all selected rows: first shown, then done.
//
// Promise: nothing is done before the person has seen what would come of it.

import { ask, newId, page, rowOf } from './dom.js';
import { picked } from './selection.js';
import { at } from './times.js';

const works = document.querySelector('#selection .works');
const dialog = document.getElementById('batch');
const form = /** @type {HTMLFormElement} */ (dialog.querySelector('form'));
const results = document.getElementById('batch-results');
const questions = document.getElementById('batch-form');
let requestId = '';

/** The first of the selected rows that is still there; the others have the same buttons. */
const firstRow = () => [...picked.keys()].map(rowOf).find((row) => row && !row.inert);

/** The buttons of the stage that all selected rows are in. */
function offerButtons() {
  const row = firstRow();
  if (!row) return;
  const stage = row.dataset.stage.split('/').pop();
  const plain = [...row.querySelectorAll('[data-act=push]')].map((button) => [new URLSearchParams(button.value).get('button'), button.textContent]);
  const asking = [...row.querySelectorAll('a.button')].map((link) => [link.hash.slice(3), link.textContent]);
  form.elements.button.replaceChildren(...[...plain, ...asking].map(([id, label]) => new Option(label.replace('…', ''), `${stage}/${id}`)));
  showQuestions().catch(fail);
}

/** Shows the form of the chosen button, which is then for all. */
async function showQuestions() {
  questions.replaceChildren();
  const chosen = form.elements.button.value;
  const [row, button] = [firstRow(), chosen.slice(chosen.indexOf('/') + 1)];
  if (!row || ![...row.querySelectorAll('a.button')].some((link) => link.hash === `#b-${button}`)) return;
  const html = await get(`/selection/form?${new URLSearchParams({ id: row.dataset.id, button })}`);
  if (form.elements.button.value === chosen && dialog.open) questions.innerHTML = html;
}

/** Shows until when each snooze lasts: what is shown is what is sent. */
function dateSnoozes() {
  for (const option of form.elements.until.options) {
    const minutes = Math.ceil(Date.now() / 60_000) + option.dataset.hours * 60;
    const date = new Date(minutes * 60_000);
    option.value = date.toISOString();
    option.textContent = `${option.dataset.word} · ${at(date)}`;
  }
}

for (const button of works.querySelectorAll('[data-work]')) {
  button.addEventListener('click', () => {
    form.elements.work.value = button.dataset.work;
    form.querySelector('h2').textContent = button.textContent;
    for (const field of form.querySelectorAll('[data-of]')) {
      const isWanted = field.dataset.of.split(' ').includes(button.dataset.work);
      field.hidden = !isWanted;
      for (const input of field.querySelectorAll('input, select')) input.disabled = !isWanted;
    }
    results.replaceChildren();
    requestId = newId();
    dialog.showModal();
    dateSnoozes();
    if (button.dataset.work === 'push') offerButtons();
  });
}

function showResults(html) {
  results.innerHTML = html;
  for (const item of results.querySelectorAll('[data-id]')) item.prepend(`${picked.get(item.dataset.id) ?? item.dataset.id}: `);
  return results.firstElementChild.dataset;
}

async function get(address, body = undefined) {
  const answer = await ask(address, body);
  const html = await answer.text();
  if (!answer.ok) throw new Error(html || page.wordAway);
  return html;
}

const report = async (address, body = undefined) => showResults(await get(address, body));

function fail(error) {
  results.textContent = error instanceof TypeError ? page.wordAway : error.message;
}

/** Shows the progress of a batch until it has ended. */
async function follow(batch) {
  while (dialog.open) {
    const { state } = await report(`/selection/${batch}`);
    if (state !== 'running') return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const body = new URLSearchParams([...new FormData(form, event.submitter)]);
  body.set('ids', [...picked.keys()].join('\n'));
  // The same id until it is answered: a retry after a loss starts no second batch.
  body.set('request_id', requestId);
  event.submitter.disabled = true;
  try {
    const { batch } = await report(form.action, body);
    requestId = newId();
    if (batch) await follow(batch);
  } catch (error) {
    fail(error);
  }
  event.submitter.disabled = false;
});
dialog.querySelector('[data-close]').addEventListener('click', () => dialog.close());
// Another form has another outcome.
form.addEventListener('input', ({ target }) => {
  results.replaceChildren();
  if (target === form.elements.button) showQuestions().catch(fail);
});
works.hidden = false;
