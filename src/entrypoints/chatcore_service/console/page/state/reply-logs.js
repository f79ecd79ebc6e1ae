// The logs of the replies of the open conversation.
import { ReplyLog } from "../replies/reply-log.js";

export class ReplyLogs {
  #logs = new Map();

  /** Returns what is known of a reply. */
  of(message) {
    if (!this.#logs.has(message.id)) this.#logs.set(message.id, ReplyLog.of(message));
    return this.#logs.get(message.id);
  }

  /** Puts the log that was read from the beginning in the place of another one. */
  replace(message, log) {
    this.#logs.set(message.id, log);
  }

  /** Makes a log that has no text yet begin with the message again. */
  begin(message) {
    if (!this.#logs.get(message.id)?.text) this.#logs.delete(message.id);
  }

  /** Keeps the logs that the page has read itself, which also say how long the model has thought, if they are right. */
  forgetOutdated(messages) {
    for (const message of messages) {
      const log = this.#logs.get(message.id);
      if (log && message.status !== "streaming" && log.text !== message.content) this.#logs.delete(message.id);
    }
  }

  clear() {
    this.#logs.clear();
  }
}
