// Delivers the messages of the outbox, each until the service has acknowledged or refused it.
import { mayPass } from "../service/problems.js";
import { retrying } from "../service/retrying.js";

/** After so many attempts, the reader decides about the next one. */
export const MOST_ATTEMPTS = 6;

export class Delivery {
  #api;
  #outbox;
  #events;
  #underWay = new Set();
  #failed = new Set();

  /**
   * @param {Api} api the service
   * @param {Outbox} outbox what waits
   * @param {object} events is told of what happens: `created(unsent, conversation)`, `begun(unsent, turn)`,
   *   `refused(unsent, failure)`, `failed(unsent, failure)`, and `waiting(isWaiting)` between attempts
   */
  constructor(api, outbox, events) {
    this.#api = api;
    this.#outbox = outbox;
    this.#events = events;
  }

  /** Returns whether the attempts to send a message were in vain, so that the reader has to decide. */
  hasFailed({ key }) {
    return this.#failed.has(key);
  }

  /** Sends a message, unless that is under way. */
  async deliver(unsent) {
    if (this.#underWay.has(unsent.key)) return;
    this.#underWay.add(unsent.key);
    this.#failed.delete(unsent.key);
    try {
      if (unsent.isNew) await this.#create(unsent);
      const turn = await this.#attempt(() => this.#api.send(unsent.conversationId, unsent.content, unsent.key));
      this.#outbox.remove(unsent);
      this.#events.begun(unsent, turn);
    } catch (failure) {
      this.#end(unsent, failure);
    } finally {
      this.#underWay.delete(unsent.key);
    }
  }

  async #create(unsent) {
    const conversation = await this.#attempt(() => this.#api.createConversation({ id: unsent.conversationId }));
    this.#events.created(unsent, conversation);
    this.#outbox.created(unsent, conversation.id);
  }

  #end(unsent, failure) {
    // A reader who signs in again can send the same message.
    if (mayPass(failure) || failure.status === 401) {
      this.#failed.add(unsent.key);
      this.#events.failed(unsent, failure);
    } else {
      this.#outbox.remove(unsent);
      this.#events.refused(unsent, failure);
    }
  }

  #attempt(request) {
    return retrying(request, { most: MOST_ATTEMPTS, onWaiting: (isWaiting) => this.#events.waiting(isWaiting) });
  }
}
