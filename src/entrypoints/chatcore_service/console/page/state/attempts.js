// What the reader asks for in the list: it is attempted until it succeeds or fails for good, which the reader is told.
import { MOST_ATTEMPTS, retrying } from "../service/retrying.js";
import { WaitingNote } from "./waiting-note.js";

export class Attempts {
  /** Why something could not be done, in a sentence, until something succeeds; null if there is nothing. */
  problem = null;
  #failed = [];
  #end = new AbortController();
  #note;
  #onChange;

  /** @param {() => void} onChange is called when there is something else to tell the reader */
  constructor(onChange) {
    this.#onChange = onChange;
    this.#note = new WaitingNote(onChange);
  }

  /** What the page waits for, in a sentence; null if it does not wait. */
  get waitingFor() {
    return this.#note.sentence;
  }

  /** Whether something that has failed can be attempted again. */
  get canTryAgain() {
    return this.#failed.length > 0;
  }

  /**
   * Attempts something, and returns whether it has succeeded.
   *
   * @param {() => Promise} act does it; a repetition must do no harm
   * @param {() => Promise} again does it again when it has failed for good
   * @param {number} most the number of attempts
   */
  async make(act, again, most = MOST_ATTEMPTS) {
    if (this.#end.signal.aborted) return false;
    try {
      await retrying(act, { most, onWaiting: this.#note.activity(), signal: this.#end.signal });
      this.forget();
      return true;
    } catch (failure) {
      if (!this.#end.signal.aborted) this.report(failure, again);
      return false;
    }
  }

  /** Attempts nothing again from now on. */
  end() {
    this.#end.abort();
  }

  /** Tells the reader what has failed; `again` does it again. */
  report(failure, again = null) {
    this.problem = failure.message;
    if (again !== null) this.#failed.push(again);
    this.#onChange();
  }

  /** Does again what has failed, one after the other. */
  async tryAgain() {
    const failed = this.#failed;
    this.forget();
    for (const again of failed) await again();
  }

  /** Forgets what has failed, since something has succeeded. */
  forget() {
    this.problem = null;
    this.#failed = [];
    this.#onChange();
  }
}
