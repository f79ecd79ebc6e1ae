// What the reader searches for, and what was found.
import { retrying } from "../service/retrying.js";
import { searchConversations } from "../service/search-api.js";
import { Observable } from "./observable.js";

/** A pause in typing that is worth a request. */
const AFTER_MS = 150;

export class Search extends Observable {
  /** What is in the field. */
  query = "";
  /** What was found, newest first; null before the first answer. */
  results = null;
  isSearching = false;
  /** Why the search failed, in a sentence, or null. */
  problem = null;
  #api;
  #nextCursor = null;
  #timer = null;
  #current = new AbortController();

  constructor(api) {
    super();
    this.#api = api;
  }

  /** Whether results are to be shown in place of the conversations. */
  get isActive() {
    return this.query.trim() !== "";
  }

  get hasMore() {
    return this.#nextCursor !== null;
  }

  /** Searches for another text, when the reader has paused. What was found before stays until then. */
  type(query) {
    this.#abandon();
    this.query = query;
    this.isSearching = this.isActive;
    if (this.isActive) this.#timer = setTimeout(() => this.#find([]), AFTER_MS);
    else this.results = null;
    this.changed();
  }

  /** Adds the next page of results. */
  async more() {
    if (!this.isSearching && this.hasMore) await this.#find(this.results);
  }

  #abandon() {
    clearTimeout(this.#timer);
    this.#current.abort();
    this.#current = new AbortController();
    this.#nextCursor = null;
    this.problem = null;
  }

  async #find(before) {
    const { signal } = this.#current;
    this.isSearching = true;
    this.changed();
    try {
      const page = await this.#page(signal);
      if (signal.aborted) return;
      this.results = [...before, ...page.items];
      this.#nextCursor = page.next_cursor;
    } catch (failure) {
      if (signal.aborted) return;
      this.problem = failure.message;
    }
    this.isSearching = false;
    this.changed();
  }

  /** Returns the next page that has something, or the last one. */
  async #page(signal) {
    let cursor = this.#nextCursor;
    for (;;) {
      const page = await retrying(() => searchConversations(this.#api, this.query.trim(), { cursor, signal }), { signal });
      if (page.items.length > 0 || page.next_cursor === null) return page;
      cursor = page.next_cursor;
    }
  }
}
