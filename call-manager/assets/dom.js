// What several modules use: the parts of the board, and the way to ask the page's server.

export const page = document.body.dataset;
/** The person, as keys of what the browser keeps name them. */
export const person = page.subject || page.me;
/** The beginning of the keys of what the browser keeps for the person: no other person's keys begin with it. */
export const keyOf = (kind) => `${kind} ${encodeURIComponent(person)}`;
export const list = document.getElementById('list');
export const panel = document.getElementById('panel');
export const filter = /** @type {HTMLFormElement} */ (document.getElementById('filter'));

/** All rows, in their order. */
export const rows = () => [...list.children].flatMap((part) => [...part.children]);

/** The row of a follow-up. */
export const rowOf = (id) => document.getElementById(`f-${id}`);

/** A new request id. `crypto.randomUUID` is missing on pages without TLS. */
export const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** The follow-up beside the board; undefined for none. */
export const openId = () => panel.firstElementChild?.dataset.id;

/** Asks the page's server for a part of a page; posts a body. */
export const ask = (address, body = undefined) => fetch(address, { method: body ? 'POST' : 'GET', headers: { 'x-fragment': '1' }, body, cache: 'no-store' });
