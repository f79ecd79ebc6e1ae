// State that views show: whoever subscribes is told that something has changed, not what.

export class Observable {
  #subscribers = new Set();

  /** Calls `onChange` after every change; returns a function that ends this. */
  subscribe(onChange) {
    this.#subscribers.add(onChange);
    return () => this.#subscribers.delete(onChange);
  }

  /** Tells all subscribers. */
  changed() {
    for (const onChange of this.#subscribers) onChange();
  }
}
