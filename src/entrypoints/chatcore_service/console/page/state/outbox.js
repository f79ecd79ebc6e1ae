// Messages that the service has not acknowledged. They are kept with their keys, so that a repeated request, even after a
// reload, is the same one and appends nothing twice.
import { newId } from "./ids.js";
import { keep, kept } from "./tab-storage.js";

/**
 * A key is bound to everything that is sent with it, so all of it is kept.
 *
 * @typedef {{key: string, conversationId: string, isNew: boolean, content: string, sampling: object,
 *   parentId?: string|null, editedId?: string}} Unsent
 */

export class Outbox {
  /** @type {Unsent[]} */
  #unsent = kept("outbox") ?? [];

  /** All that waits, oldest first. */
  get all() {
    return [...this.#unsent];
  }

  /** Returns what waits for a conversation, oldest first. */
  of(conversationId) {
    return this.#unsent.filter((unsent) => unsent.conversationId === conversationId);
  }

  /**
   * Adds a message.
   *
   * @param {string|null} conversationId the conversation; null for a new one, whose id is chosen here
   * @param {{sampling: object, parentId?: string|null, editedId?: string}} fields the fields of sampling, and of an edit
   *   the edited message and the message before it; without `parentId`, the message comes after the last one
   * @returns {Unsent}
   */
  add(conversationId, content, fields) {
    const isNew = conversationId === null;
    const unsent = { key: newId(), conversationId: conversationId ?? newId(), isNew, content, ...fields };
    this.#unsent.push(unsent);
    this.#save();
    return unsent;
  }

  /** Notes that the conversation of a message exists, under the id that the service has given it. */
  created(unsent, conversationId) {
    unsent.conversationId = conversationId;
    unsent.isNew = false;
    this.#save();
  }

  remove(unsent) {
    this.#unsent = this.#unsent.filter((other) => other.key !== unsent.key);
    this.#save();
  }

  #save() {
    keep("outbox", this.#unsent.length > 0 ? this.#unsent : null);
  }
}
