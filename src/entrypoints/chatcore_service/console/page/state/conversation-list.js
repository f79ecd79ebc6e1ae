// The reader's conversations, as the sidebar shows them.
import { retrying } from "../service/retrying.js";
import { Observable } from "./observable.js";

const UNDO_MS = 6000;

export class ConversationList extends Observable {
  /** The conversations that are loaded, newest first. */
  items = [];
  isLoading = false;
  /** Why the list could not be loaded, in a sentence; null if it could. */
  problem = null;
  /** The conversation whose deletion can be undone, or null. */
  deleted = null;
  #api;
  #nextCursor = null;
  #deletion = null;

  constructor(api) {
    super();
    this.#api = api;
    addEventListener("pagehide", () => this.#finishDeletion({ keepalive: true }));
  }

  get hasMore() {
    return this.#nextCursor !== null;
  }

  /** Loads the newest conversations; those that were loaded and are older stay. */
  async load() {
    await this.#loading(async () => {
      const page = await retrying(() => this.#api.conversations());
      const oldest = page.items.at(-1)?.updated_at ?? "";
      const known = new Set(page.items.map((item) => item.id));
      const older = this.items.filter((item) => !known.has(item.id) && item.updated_at < oldest);
      if (older.length === 0 || page.next_cursor === null) this.#nextCursor = page.next_cursor;
      this.#show([...page.items, ...(page.next_cursor === null ? [] : older)]);
    });
  }

  /** Loads the next page of older conversations. */
  async loadMore() {
    if (this.isLoading || !this.hasMore) return;
    await this.#loading(async () => {
      const page = await retrying(() => this.#api.conversations({ cursor: this.#nextCursor }));
      this.#nextCursor = page.next_cursor;
      const known = new Set(this.items.map((item) => item.id));
      this.#show([...this.items, ...page.items.filter((item) => !known.has(item.id))]);
    });
  }

  /** Shows a conversation as the service has just described it. */
  put(conversation) {
    const others = this.items.filter((item) => item.id !== conversation.id);
    this.#show([...others, conversation].sort((one, other) => (one.updated_at < other.updated_at ? 1 : -1)));
  }

  async change(id, changes) {
    this.put(await this.#api.changeConversation(id, changes));
  }

  /** Hides a conversation, and deletes it unless the reader undoes that soon. */
  delete(conversation) {
    this.#finishDeletion();
    this.deleted = conversation;
    this.#deletion = setTimeout(() => this.#finishDeletion(), UNDO_MS);
    this.changed();
  }

  undoDeletion() {
    clearTimeout(this.#deletion);
    this.deleted = null;
    this.changed();
  }

  async #finishDeletion(options) {
    clearTimeout(this.#deletion);
    const conversation = this.deleted;
    if (conversation === null) return;
    this.deleted = null;
    this.items = this.items.filter((item) => item.id !== conversation.id);
    this.changed();
    try {
      await this.#api.deleteConversation(conversation.id, options);
    } catch (failure) {
      this.put(conversation);
      this.#report(failure);
    }
  }

  async #loading(load) {
    this.isLoading = true;
    this.problem = null;
    this.changed();
    try {
      await load();
    } catch (failure) {
      this.#report(failure);
    } finally {
      this.isLoading = false;
      this.changed();
    }
  }

  #report(failure) {
    this.problem = failure.message;
    this.changed();
  }

  #show(items) {
    this.items = items;
    this.changed();
  }
}
