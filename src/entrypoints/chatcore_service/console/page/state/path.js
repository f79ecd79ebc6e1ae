// The path of messages that is shown, as far as it is loaded.

export class Path {
  /** The messages, oldest first. */
  messages = [];
  /** Where the next older ones are; null if all are loaded. */
  previousCursor = null;

  /** The id of the last message, or null. */
  get end() {
    return this.messages.at(-1)?.id ?? null;
  }

  /** The reply that is being written, or null. */
  get growing() {
    return this.messages.findLast((message) => message.status === "streaming") ?? null;
  }

  has(id) {
    return this.#indexOf(id) >= 0;
  }

  clear() {
    this.messages = [];
    this.previousCursor = null;
  }

  /** Shows the newest messages; older pages that were loaded stay, unless the page begins elsewhere. */
  show({ messages, previous_cursor: previousCursor = null }) {
    const place = messages.length > 0 ? this.#indexOf(messages[0].id) : -1;
    if (place < 0) this.previousCursor = previousCursor;
    this.messages = [...this.messages.slice(0, Math.max(place, 0)), ...messages];
  }

  /** Puts a page of older messages in front of the others. */
  putOlder({ messages, previous_cursor: previousCursor = null }) {
    this.previousCursor = previousCursor;
    this.messages = [...messages, ...this.messages];
  }

  /**
   * Puts a message and its reply in the place of everything after the message that comes before them.
   *
   * @returns {boolean} whether that place is loaded; otherwise the path has to be loaded again
   */
  putTurn(asked, reply) {
    const present = this.#indexOf(asked.id);
    const parent = this.#indexOf(asked.parent_id);
    // A message without a parent is the first one.
    if (present < 0 && asked.parent_id === null) this.previousCursor = null;
    const before = present >= 0 ? present : parent + 1;
    this.messages = [...this.messages.slice(0, before), asked, reply];
    return present >= 0 || parent >= 0 || asked.parent_id === null;
  }

  #indexOf(id) {
    return this.messages.findIndex((message) => message.id === id);
  }
}
