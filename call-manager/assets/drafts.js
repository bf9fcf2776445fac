// What people type is kept in the browser until it is sent: for each person, follow-up and form.
//
// Fields that are marked as sensitive, hidden ones and passwords are never kept.

import { keyOf } from './dom.js';

const FIELDS = 'input:not([type=hidden]):not([type=password]):not([data-sensitive]), textarea:not([data-sensitive]), select:not([data-sensitive])';

export class Drafts {
  #prefix = `${keyOf('draft')} `;

  #key(form) {
    const id = form.closest('[data-id]')?.dataset.id ?? '';
    return `${this.#prefix}${id} ${form.dataset.form}`;
  }

  /** Keeps what a form has now. */
  keep(form) {
    const texts = {};
    for (const field of form.querySelectorAll(FIELDS)) {
      if (field.name) texts[field.name] = field.type === 'checkbox' ? (field.checked ? '1' : '') : field.value;
    }
    const isEmpty = Object.values(texts).every((text) => text === '');
    if (isEmpty) localStorage.removeItem(this.#key(form));
    else localStorage.setItem(this.#key(form), JSON.stringify(texts));
  }

  /** Fills the forms of a follow-up with what was typed before. */
  restore(root) {
    for (const form of root.querySelectorAll('form[data-form]')) {
      const kept = localStorage.getItem(this.#key(form));
      if (!kept) continue;
      const texts = JSON.parse(kept);
      for (const field of form.querySelectorAll(FIELDS)) {
        const text = texts[field.name];
        if (text === undefined) continue;
        if (field.type === 'checkbox') field.checked = text === '1';
        else field.value = text;
      }
      form.classList.add('typed');
    }
  }

  /** What was typed into forms that the follow-up no longer has, by their keys. */
  homeless(root) {
    const follow_up = root.querySelector('[data-id]');
    if (!follow_up) return [];
    const prefix = `${this.#prefix}${follow_up.dataset.id} `;
    const forms = new Set([...root.querySelectorAll('form[data-form]')].map((form) => prefix + form.dataset.form));
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(prefix) && !forms.has(key));
    return keys.map((key) => ({ key, text: Object.values(JSON.parse(localStorage.getItem(key))).filter(Boolean).join('\n') }));
  }

  /** Forgets a text by its key. */
  discard(key) {
    localStorage.removeItem(key);
  }

  /** Forgets what was sent. */
  forget(form) {
    localStorage.removeItem(this.#key(form));
  }

  /** Forgets all, when the person signs out. */
  forgetAll() {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(this.#prefix)) localStorage.removeItem(key);
    }
  }
}
