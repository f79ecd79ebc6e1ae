// The reader's conversations, as the sidebar shows them.
import { Attempts } from "./attempts.js";
import { Observable } from "./observable.js";
import { keep } from "./tab-storage.js";

const UNDO_MS = 6000;

export class ConversationList extends Observable {
  /** The conversations that are loaded, newest first. */
  items = [];
  /** Whether the archived conversations are listed, or the others. */
  isArchive = false;
  isLoading = true;
  /** The reader's id, as soon as there is a conversation; null before. */
  userId = null;
  /** What the reader is told of loading, changing and deleting. */
  attempts = new Attempts(() => this.changed());
  /** The conversation whose deletion can be undone, or null. */
  deleted = null;
  #api;
  #onChanged;
  #nextCursor = null;
  #deletion = null;
  /** The last change of each conversation that was changed, by its id. */
  #turns = new Map();
  /** The ids of conversations that the service is asked to delete; what it says of them is older than that. */
  #leaving = new Set();
  #end = new AbortController();

  /**
   * @param {Api} api the service
   * @param {(conversation: object) => void} onChanged is called with each conversation that the reader has changed here
   */
  constructor(api, onChanged = () => {}) {
    super();
    this.#api = api;
    this.#onChanged = onChanged;
    const { signal } = this.#end;
    addEventListener("pagehide", () => this.finishDeletion({ keepalive: true }), { signal });
    addEventListener("online", () => this.attempts.tryAgain(), { signal });
  }

  /** Does what is left to do, as when the reader signs out. */
  end() {
    this.#end.abort();
    this.finishDeletion();
    this.attempts.end();
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
    // The reader may have chosen the other list meanwhile.
    const isCurrent = () => isArchive === this.isArchive;
    const act = async () => {
      const page = await this.#api.conversations({ isArchive, ...place });
      if (!isCurrent()) return;
      this.#nextCursor = page.next_cursor;
      show(page);
    };
    this.isLoading = true;
    this.changed();
    await this.attempts.make(act, async () => isCurrent() && this.#loading(place, show), Infinity);
    if (isCurrent()) this.isLoading = false;
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

  /** Changes a conversation, after what it was changed before. */
  change(id, changes) {
    const act = async () => {
      const conversation = await this.#api.changeConversation(id, changes);
      this.put(conversation);
      this.#onChanged(conversation);
    };
    const attempt = () => this.attempts.make(act, () => this.change(id, changes));
    const turn = (this.#turns.get(id) ?? Promise.resolve()).then(attempt);
    this.#turns.set(id, turn);
    return turn;
  }

  /**
   * Hides a conversation, and deletes it unless the reader undoes that soon.
   *
   * @param {object} conversation the conversation
   * @param {() => boolean} isThinking returns whether the reader seems to be about to undo it, and needs more time
   */
  delete(conversation, isThinking) {
    this.finishDeletion();
    this.deleted = conversation;
    const wait = () => {
      this.#deletion = setTimeout(() => (isThinking() ? wait() : this.finishDeletion()), UNDO_MS);
    };
    wait();
    this.changed();
  }

  undoDeletion() {
    clearTimeout(this.#deletion);
    this.deleted = null;
    this.changed();
  }

  /** Deletes the conversation whose deletion could be undone until now. */
  finishDeletion(options) {
    clearTimeout(this.#deletion);
    const conversation = this.deleted;
    if (conversation === null) return;
    this.deleted = null;
    this.#deleteNow(conversation, options);
  }

  async #deleteNow(conversation, options) {
    const { id } = conversation;
    const act = async () => {
      try {
        await this.#api.deleteConversation(id, options);
      } catch (failure) {
        // It may have been deleted elsewhere.
        if (failure.status !== 404) throw failure;
      }
    };
    this.remove(id);
    this.#leaving.add(id);
    if (await this.attempts.make(act, () => this.#deleteNow(conversation))) return;
    this.#leaving.delete(id);
    this.put(conversation);
  }

  /** Shows conversations in their places; one that has moved to the other list disappears. */
  #add(conversations) {
    const byId = new Map([...this.items, ...conversations].map((conversation) => [conversation.id, conversation]));
    this.userId ??= conversations[0]?.user_id ?? null;
    keep("reader", this.userId);
    this.items = [...byId.values()]
      .filter((conversation) => conversation.is_archived === this.isArchive && !this.#leaving.has(conversation.id))
      .sort((one, other) => (one.updated_at < other.updated_at ? 1 : -1));
    this.changed();
  }
}
