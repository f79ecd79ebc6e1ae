// Delivers the messages of the outbox, each until the service has acknowledged or refused it.
import { mayPass } from "../service/problems.js";
import { MOST_ATTEMPTS, retrying } from "../service/retrying.js";

export class Delivery {
  #api;
  #outbox;
  #events;
  #underWay = new Set();
  #failed = new Set();
  #end = new AbortController();

  /**
   * @param {Api} api the service
   * @param {Outbox} outbox what waits
   * @param {object} events is told of what happens: `created(unsent, conversation)`, `begun(unsent, turn)`,
   *   `refused(unsent, failure)` and `failed(unsent, failure)`; `waiting()` returns a function that is told whether
   *   another attempt follows
   */
  constructor(api, outbox, events) {
    this.#api = api;
    this.#outbox = outbox;
    this.#events = events;
  }

  /** Returns what the service has not acknowledged, and whether the reader has to decide about it. */
  of(conversationId) {
    return this.#outbox.of(conversationId).map((unsent) => ({ ...unsent, hasFailed: this.#failed.has(unsent.key) }));
  }

  /** Sends a message; returns the id of its conversation. `fields` are those of the outbox. */
  send(conversationId, content, fields) {
    const unsent = this.#outbox.add(conversationId, content, fields);
    this.#deliver(unsent);
    return unsent.conversationId;
  }

  /** Sends what waits for a conversation, unless that is under way. */
  retry(conversationId) {
    for (const unsent of this.#outbox.of(conversationId)) this.#deliver(unsent);
  }

  /** Sends all that waits, unless that is under way. */
  retryAll() {
    for (const unsent of this.#outbox.all) this.#deliver(unsent);
  }

  /** Gives a message up; returns it, or null if it is not there any more. */
  takeBack(conversationId, key) {
    const unsent = this.#outbox.of(conversationId).find((other) => other.key === key);
    // What is being sent again by now cannot be taken back.
    if (unsent === undefined || this.#underWay.has(key)) return null;
    this.#outbox.remove(unsent);
    return unsent;
  }

  /** Stops sending, and touches the outbox no more: another reader may sign in. */
  end() {
    this.#end.abort();
  }

  async #deliver(unsent) {
    if (this.#underWay.has(unsent.key)) return;
    this.#underWay.add(unsent.key);
    this.#failed.delete(unsent.key);
    try {
      if (unsent.isNew) await this.#create(unsent);
      const turn = await this.#attempt(() => this.#api.send(unsent.conversationId, fieldsOf(unsent), unsent.key));
      if (this.#end.signal.aborted) return;
      this.#outbox.remove(unsent);
      this.#events.begun(unsent, turn);
    } catch (failure) {
      if (!this.#end.signal.aborted) this.#notSent(unsent, failure);
    } finally {
      this.#underWay.delete(unsent.key);
    }
  }

  async #create(unsent) {
    const conversation = await this.#attempt(() => this.#api.createConversation({ id: unsent.conversationId }));
    if (this.#end.signal.aborted) return;
    this.#events.created(unsent, conversation);
    this.#outbox.created(unsent, conversation.id);
  }

  #notSent(unsent, failure) {
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
    return retrying(request, {
      most: MOST_ATTEMPTS,
      onWaiting: this.#events.waiting(),
      signal: this.#end.signal,
    });
  }
}

function fieldsOf({ content, sampling, parentId }) {
  return { content, ...sampling, ...(parentId !== undefined && { parent_id: parentId }) };
}
