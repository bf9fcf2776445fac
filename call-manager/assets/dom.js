// The parts of the board that all of its modules use.

export const page = document.body.dataset;
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
