// The field in which one searches, and what was found.
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { live } from "../vendor/lit-html/directives/live.js";
import { repeat } from "../vendor/lit-html/directives/repeat.js";
import { piecesOf } from "../service/search-api.js";
import { icon } from "./icons.js";

const MAX_CHARACTERS = 500;
const STEPS = { ArrowDown: 1, ArrowUp: -1 };

export class SearchView {
  #search;
  #open;

  /**
   * @param {Search} search what is searched for
   * @param {(conversationId: string, messageId: string|null, words: string[]) => void} open opens a conversation at a
   *   message and at the words in it that were found
   */
  constructor(search, open) {
    this.#search = search;
    this.#open = open;
  }

  /** Whether results are to be shown. */
  get isActive() {
    return this.#search.isActive;
  }

  /** Moves the focus to the field. */
  focus() {
    document.querySelector("#search")?.select();
  }

  /** Returns the field. */
  field() {
    return html`
      <form class="search" role="search" @submit=${(event) => this.#openFirst(event)} @keydown=${pressed}>
        ${icon("search")}
        <input
          id="search"
          type="search"
          dir="auto"
          placeholder="Search"
          aria-label="Search conversations"
          title="Search (Ctrl+K or ⌘K)"
          autocomplete="off"
          maxlength=${MAX_CHARACTERS}
          .value=${live(this.#search.query)}
          @input=${(event) => this.#search.type(event.target.value)}
          @keydown=${(event) => this.#clear(event)}
        />
      </form>
    `;
  }

  /** Returns what was found. */
  results() {
    const { results, hasMore } = this.#search;
    return html`
      <div class="conversations results" @keydown=${pressed} aria-busy=${this.#search.isSearching}>
        <p class="note" role="status">${this.#status()}</p>
        ${results === null
          ? nothing
          : html`<ul aria-label="Search results">
              ${repeat(
                results,
                (result) => result.conversation.id,
                (result) => html`<li data-id=${result.conversation.id}>${this.#result(result)}</li>`,
              )}
            </ul>`}
        ${hasMore
          ? html`<button type="button" class="quiet" @click=${() => this.#search.more()}>Show more</button>`
          : nothing}
      </div>
    `;
  }

  #status() {
    const { problem, isSearching, results, hasMore } = this.#search;
    if (problem !== null) return problem;
    if (results === null) return "Searching …";
    if (results.length === 0) return isSearching ? "Searching …" : "Nothing was found.";
    return `${hasMore ? "More than " : ""}${results.length} found`;
  }

  #result({ conversation, message_id: messageId, snippet, highlights }) {
    const address = `#/c/${conversation.id}${messageId === null ? "" : `/${messageId}`}`;
    const found = piecesOf(snippet, highlights);
    const pieces = found.map(({ text, isFound }) => (isFound ? html`<mark>${text}</mark>` : text));
    const words = found.filter(({ isFound }) => isFound).map(({ text }) => text);
    return html`
      <a class="result" href=${address} @click=${(event) => this.#click(event, conversation.id, messageId, words)}>
        <span class="title" dir="auto">${messageId === null ? pieces : conversation.title}</span>
        ${messageId === null ? nothing : html`<span class="snippet" dir="auto">${pieces}</span>`}
      </a>
    `;
  }

  #click(event, conversationId, messageId, words) {
    // The browser opens another tab where the reader asks for one.
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.#open(conversationId, messageId, words);
  }

  #openFirst(event) {
    event.preventDefault();
    document.querySelector(".result")?.click();
  }

  #clear(event) {
    if (event.key !== "Escape" || this.#search.query === "") return;
    // Elsewhere, the key stops a reply.
    event.preventDefault();
    this.#search.type("");
  }
}

/** Moves the focus from the field to the results, and among them. */
function pressed(event) {
  const step = STEPS[event.key];
  if (step === undefined) return;
  const stops = [...document.querySelectorAll("#search, .result")];
  const next = stops[stops.indexOf(document.activeElement) + step];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}
