// The reader's conversations, as the sidebar shows them.
import { retrying } from "../service/retrying.js";
import { Observable } from "./observable.js";

const UNDO_MS = 6000;

export class ConversationList extends Observable {
  /** The conversations that are loaded, newest first. */
  items = [];
  /** Whether the archived conversations are listed, or the others. */
  isArchive = false;
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
      const page = await this.#page({});
      this.#nextCursor = page.next_cursor;
      // Pinned conversations come with the first page, however old they are.
      this.#add([...page.items, ...page.pinned]);
    });
  }

  /** Lists the archived conversations, or the others. */
  async showArchive(isArchive) {
    this.isArchive = isArchive;
    this.items = [];
    this.#nextCursor = null;
    await this.load();
  }

  /** Loads the next page of older conversations. */
  async loadMore() {
    if (this.isLoading || !this.hasMore) return;
    await this.#loading(async () => {
      const page = await this.#page({ cursor: this.#nextCursor });
      this.#nextCursor = page.next_cursor;
      this.#add(page.items);
    });
  }

  async #page(place) {
    const { isArchive } = this;
    const page = await retrying(() => this.#api.conversations({ isArchive, ...place }));
    // The reader may have chosen the other list meanwhile.
    return isArchive === this.isArchive ? page : { items: [], pinned: [], next_cursor: this.#nextCursor };
  }

  /** Shows a conversation as the service has just described it. */
  put(conversation) {
    this.#add([conversation]);
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

  /** Shows conversations in their places; one that has moved to the other list disappears. */
  #add(conversations) {
    const byId = new Map([...this.items, ...conversations].map((conversation) => [conversation.id, conversation]));
    this.items = [...byId.values()]
      .filter((conversation) => conversation.is_archived === this.isArchive)
      .sort((one, other) => (one.updated_at < other.updated_at ? 1 : -1));
    this.changed();
  }
}
