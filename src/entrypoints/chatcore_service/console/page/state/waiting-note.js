// Whether the reader is told that the page waits, and for what.
import { Refused } from "../service/problems.js";

/** A shorter wait is not worth a word. */
const AFTER_MS = 500;

export class WaitingNote {
  #isShown = false;
  /** What went wrong last for each activity that waits. */
  #waiting = new Map();
  #timer = null;
  #onChange;

  /** @param {() => void} onChange is called when the note appears or goes */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** What the reader is told, or null. */
  get sentence() {
    if (!this.#isShown) return null;
    // A service that answers has reasons of its own, such as too many replies at once.
    const failures = [...this.#waiting.values()];
    const refusal = failures.find((failure) => failure instanceof Refused);
    if (refusal) return `${refusal.message} Waiting …`;
    const isConnected = failures.every((failure) => failure === null);
    return isConnected ? "Waiting for the reply to go on …" : "The connection was lost. Waiting …";
  }

  /** Returns a function for one activity, which notes that it waits since a failure, or does not wait any more. */
  activity() {
    const activity = {};
    return (isWaiting, failure = null) => {
      if (isWaiting) this.#waiting.set(activity, failure);
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
    if (this.#waiting.size === 0) {
      clearTimeout(this.#timer);
      this.#timer = null;
      this.#show(false);
    } else if (this.#isShown) {
      // The sentence may be another one.
      this.#onChange();
    } else {
      this.#timer ??= setTimeout(() => this.#show(true), AFTER_MS);
    }
  }

  #show(isShown) {
    if (this.#isShown === isShown) return;
    this.#isShown = isShown;
    this.#onChange();
  }
}
