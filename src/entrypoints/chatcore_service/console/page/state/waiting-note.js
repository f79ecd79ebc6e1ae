// Whether the reader is told that the page waits for the connection.

/** A shorter wait is not worth a word. */
const AFTER_MS = 500;

export class WaitingNote {
  /** Whether the note is shown. */
  isShown = false;
  #timer = null;
  #onChange;

  /** @param {() => void} onChange is called when the note appears or goes */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** Notes that the page waits, or does not wait any more. */
  set(isWaiting) {
    clearTimeout(this.#timer);
    if (!isWaiting) this.#show(false);
    else if (!this.isShown) this.#timer = setTimeout(() => this.#show(true), AFTER_MS);
  }

  #show(isShown) {
    if (this.isShown === isShown) return;
    this.isShown = isShown;
    this.#onChange();
  }
}
