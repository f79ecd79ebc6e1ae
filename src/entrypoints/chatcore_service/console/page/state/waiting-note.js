// Whether the reader is told that the page waits for the connection.

/** A shorter wait is not worth a word. */
const AFTER_MS = 500;

export class WaitingNote {
  /** Whether the note is shown. */
  isShown = false;
  #waiting = new Set();
  #timer = null;
  #onChange;

  /** @param {() => void} onChange is called when the note appears or goes */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** Returns a function for one activity, which notes that it waits, or does not wait any more. */
  activity() {
    const activity = {};
    return (isWaiting) => {
      if (isWaiting) this.#waiting.add(activity);
      else this.#waiting.delete(activity);
      this.#update();
    };
  }

  /** Forgets all activities. */
  clear() {
    this.#waiting.clear();
    this.#update();
  }

  #update() {
    if (this.#waiting.size > 0) {
      this.#timer ??= setTimeout(() => this.#show(true), AFTER_MS);
    } else {
      clearTimeout(this.#timer);
      this.#timer = null;
      this.#show(false);
    }
  }

  #show(isShown) {
    if (this.isShown === isShown) return;
    this.isShown = isShown;
    this.#onChange();
  }
}
