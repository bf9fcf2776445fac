// The parts of the page that all modules of the board use.

export const page = document.body.dataset;
export const list = document.getElementById('list');
export const panel = document.getElementById('panel');
export const filter = document.getElementById('filter');

/** The row of a follow-up. */
export const rowOf = (id) => document.getElementById(`f-${id}`);

/** The follow-up beside the board; undefined for none. */
export const openId = () => panel.firstElementChild?.dataset.id;
