// Loads the open conversation: its newest messages, and older ones on demand.
import { Refused } from "../service/problems.js";
import { retrying } from "../service/retrying.js";

export class Loading {
  /** How often the newest messages were asked for. */
  count = 0;
  #chat;
  #api;
  #path;
  #show;
  #newest = null;
  #older = null;

  /**
   * @param {OpenChat} chat the conversation
   * @param {Api} api the service
   * @param {Path} path what is loaded
   * @param {(opened: object) => void} show shows a conversation with its newest messages
   */
  constructor(chat, api, path, show) {
    this.#chat = chat;
    this.#api = api;
    this.#path = path;
    this.#show = show;
  }

  /** Loads the newest messages; whoever waits for an older loading waits for the newer one. */
  reload() {
    this.count += 1;
    this.#newest = this.#load(this.count);
    return this.#newest;
  }

  async #load(count) {
    const { id } = this.#chat;
    const isCurrent = () => this.#chat.id === id && this.count === count;
    const newer = () => (this.count === count ? undefined : this.#newest);
    const waiting = this.#chat.waiting();
    try {
      const opened = await retrying(() => this.#api.openConversation(id), {
        onWaiting: (isWaiting, failure) => waiting(isWaiting && isCurrent(), failure),
      });
      if (!isCurrent()) return newer();
      this.#show(opened);
    } catch (failure) {
      if (!isCurrent()) return newer();
      const isMissing = failure instanceof Refused && failure.status === 404;
      this.#chat.state = isMissing ? "missing" : "failed";
      this.#chat.problem = isMissing ? null : failure.message;
    }
    return this.#chat.changed();
  }

  /** Loads the next page of older messages, in front of those that are there. */
  async loadOlder() {
    await (this.#older ??= this.#loadPage());
  }

  async #loadPage() {
    const { id } = this.#chat;
    const before = this.#path.previousCursor;
    try {
      const page = await retrying(() => this.#api.openConversation(id, { before }));
      // Another branch may be shown meanwhile.
      if (this.#chat.id === id && this.#path.previousCursor === before) this.#path.putOlder(page);
    } catch (failure) {
      if (this.#chat.id === id) this.#chat.problem = failure.message;
    } finally {
      this.#older = null;
      this.#chat.changed();
    }
  }
}
