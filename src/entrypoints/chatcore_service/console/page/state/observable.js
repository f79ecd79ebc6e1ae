// State that views show: whoever subscribes is told that something has changed, not what.

export class Observable {
  #subscribers = new Set();

  /** Calls `onChange` after every change. */
  subscribe(onChange) {
    this.#subscribers.add(onChange);
  }

  /** Tells all subscribers. */
  changed() {
    for (const onChange of this.#subscribers) onChange();
  }
}
