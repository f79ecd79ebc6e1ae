// Follows the reply that is being written in the open conversation, one at a time.
import { followReply } from "../replies/follow.js";

export class Following {
  #api;
  #logs;
  #events;
  #messageId = null;
  #controller = null;

  /**
   * @param {Api} api the service
   * @param {ReplyLogs} logs what is known of each reply
   * @param {object} events is told of what happens: `changed()`, `waiting(isWaiting)` while the connection is lost,
   *   `ended(reply)`, and `failed(failure)` if the reply cannot be followed any more
   */
  constructor(api, logs, events) {
    this.#api = api;
    this.#logs = logs;
    this.#events = events;
  }

  /** Follows a reply in place of the one before; does nothing if it is followed already. */
  follow(conversationId, reply) {
    if (this.#messageId === reply.id) return;
    this.stop();
    this.#messageId = reply.id;
    this.#controller = new AbortController();
    this.#read(conversationId, reply, this.#controller.signal);
  }

  stop() {
    this.#controller?.abort();
    this.#controller = null;
    this.#messageId = null;
  }

  async #read(conversationId, reply, signal) {
    try {
      await followReply(
        (lastId, connection) =>
          this.#api.stream(conversationId, reply.id, { lastId, signal: connection }),
        this.#logs.of(reply),
        {
          signal,
          onWaiting: this.#events.waiting,
          onChange: (log) => {
            this.#logs.replace(reply, log);
            this.#events.changed();
          },
        },
      );
    } catch (failure) {
      if (!signal.aborted) this.stop();
      this.#events.failed(failure);
      return;
    }
    if (signal.aborted) return;
    this.stop();
    this.#events.ended(reply);
  }
}
