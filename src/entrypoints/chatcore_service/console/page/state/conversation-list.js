// The reader's conversations, as the sidebar shows them.
import { retrying } from "../service/retrying.js";
import { Observable } from "./observable.js";

const UNDO_MS = 6000;

export class ConversationList extends Observable {
  /** The conversations that are loaded, newest first. */
  items = [];
  /** Whether the archived conversations are listed, or the others. */
  isArchive = false;
  isLoading = true;
  /** The reader's id, as soon as there is a conversation; null before. */
  userId = null;
  /** Why the list could not be loaded, in a sentence; null if it could. */
  problem = null;
  /** The conversation whose deletion can be undone, or null. */
  deleted = null;
  #api;
  #nextCursor = null;
  #deletion = null;
  /** The ids of conversations that the service is asked to delete; what it says of them is older than that. */
  #leaving = new Set();

  constructor(api) {
    super();
    this.#api = api;
    addEventListener("pagehide", () => this.#finishDeletion({ keepalive: true }));
  }

  get hasMore() {
    return this.#nextCursor !== null;
  }

  /** Returns a conversation if it is listed. */
  find(id) {
    return this.items.find((conversation) => conversation.id === id);
  }

  /** Loads the newest conversations, in place of those that are there. */
  async load() {
    await this.#loading({}, (page) => {
      this.items = [];
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
    await this.#loading({ cursor: this.#nextCursor }, (page) => this.#add(page.items));
  }

  async #loading(place, show) {
    const { isArchive } = this;
    this.isLoading = true;
    this.problem = null;
    this.changed();
    try {
      const page = await retrying(() => this.#api.conversations({ isArchive, ...place }));
      // The reader may have chosen the other list meanwhile.
      if (isArchive !== this.isArchive) return;
      this.#nextCursor = page.next_cursor;
      show(page);
    } catch (failure) {
      this.report(failure);
    }
    this.isLoading = false;
    this.changed();
  }

  /** Shows a conversation as the service has just described it. */
  put(conversation) {
    this.#add([conversation]);
  }

  /** Removes a conversation that was deleted. */
  remove(id) {
    // If it comes back, as by an import, it is listed again.
    this.#leaving.delete(id);
    this.items = this.items.filter((item) => item.id !== id);
    if (this.deleted?.id === id) this.undoDeletion();
    this.changed();
  }

  /** Changes a conversation; returns it as it is then, or null if that was refused. */
  async change(id, changes) {
    try {
      const conversation = await this.#api.changeConversation(id, changes);
      this.put(conversation);
      return conversation;
    } catch (failure) {
      this.report(failure);
      return null;
    }
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
    this.remove(conversation.id);
    this.#leaving.add(conversation.id);
    try {
      await this.#api.deleteConversation(conversation.id, options);
    } catch (failure) {
      // It may have been deleted elsewhere.
      if (failure.status === 404) return;
      this.#leaving.delete(conversation.id);
      this.put(conversation);
      this.report(failure);
    }
  }

  /** Shows why something could not be done. */
  report(failure) {
    this.problem = failure.message;
    this.changed();
  }

  /** Shows conversations in their places; one that has moved to the other list disappears. */
  #add(conversations) {
    const byId = new Map([...this.items, ...conversations].map((conversation) => [conversation.id, conversation]));
    this.userId ??= conversations[0]?.user_id ?? null;
    this.items = [...byId.values()]
      .filter((conversation) => conversation.is_archived === this.isArchive && !this.#leaving.has(conversation.id))
      .sort((one, other) => (one.updated_at < other.updated_at ? 1 : -1));
    this.changed();
  }
}
