// What the scripts of the page may take for granted, for the type checker: all elements of the page are elements of HTML, and its forms
// have no files among the fields that scripts read.

interface Element {
  dataset: DOMStringMap;
  hidden: boolean | string;
  inert: boolean;
  focus(options?: FocusOptions): void;
  click(): void;
  // Of fields, forms, links, `<details>` and `<dialog>`.
  value?: any;
  name?: any;
  type?: any;
  checked?: any;
  disabled?: any;
  elements?: any;
  action?: any;
  href?: any;
  hash?: any;
  open?: any;
  close?: any;
  showModal?: any;
  requestSubmit?: any;
  setCustomValidity?: any;
  setSelectionRange?: any;
  checkValidity?: any;
  reportValidity?: any;
}

interface EventTarget {
  readonly open?: any;
  readonly checked?: any;
  readonly action?: any;
  matches(selector: string): boolean;
  querySelector(selector: string): HTMLElement | null;
  readonly id: string;
  readonly form: HTMLFormElement | null;
  readonly dataset: DOMStringMap;
  closest(selector: string): HTMLElement | null;
}

interface Node {
  contains(other: EventTarget | null): boolean;
}

interface Event {
  /** Of events that a module sends to others. */
  readonly detail: any;
}

interface HTMLFormControlsCollection {
  readonly [name: string]: any;
}

interface FormData {
  get(name: string): string | null;
  [Symbol.iterator](): FormDataIterator<[string, string]>;
}

declare class SharedWorkerGlobalScope extends EventTarget {}

interface Window {
  /** Of a shared worker. */
  onconnect: (event: MessageEvent) => void;
}
