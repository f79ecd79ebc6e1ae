// The list of conversations.
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { guard } from "../vendor/lit-html/directives/guard.js";
import { repeat } from "../vendor/lit-html/directives/repeat.js";
import { grouped } from "./days.js";
import { icon, iconButton } from "./icons.js";
import { ListFocus } from "./list-focus.js";

const NEAR_END_PIXELS = 300;

/** Draws the sidebar, and remembers which conversation is being renamed. */
export class Sidebar {
  #list;
  #search;
  #actions;
  #maxTitle;
  /** The id of the conversation that is being renamed, the title that it had, and what is in the field. */
  #renaming = null;
  #titleBefore = "";
  #titleTyped = "";
  /** The id of the conversation whose actions are shown to a finger. */
  #expanded = null;
  #openId = null;
  #focus = new ListFocus();
  /** Whether the conversation whose deletion can be undone was open. */
  #hasClosedDeleted = false;

  /**
   * @param {ConversationList} list the conversations
   * @param {{isActive: boolean, field(), results()}} search the field for searching, and what was found
   * @param {number} maxTitle the most characters of a title
   * @param {{open(id), newChat(), transfer(), signOut(), redraw()}} actions what the reader can do
   */
  constructor(list, search, maxTitle, actions) {
    this.#list = list;
    this.#search = search;
    this.#maxTitle = maxTitle;
    this.#actions = actions;
  }

  /** Returns the sidebar. */
  view(openId, { canSignOut }) {
    this.#focus.remember();
    this.#openId = openId;
    return html`
      <nav class="sidebar" id="sidebar" aria-label="Conversations">
        <button type="button" class="new-chat" @click=${() => this.#actions.newChat()}>
          ${icon("new")}<span>New chat</span>
        </button>
        ${this.#search.field()} ${this.#search.isActive ? this.#search.results() : this.#conversations(openId)}
        <button
          type="button"
          class="sidebar-action quiet"
          aria-pressed=${this.#list.isArchive}
          @click=${() => this.#list.showArchive(!this.#list.isArchive)}
        >
          ${icon("archive")}<span>Archive</span>
        </button>
        <button type="button" class="sidebar-action quiet" @click=${() => this.#actions.transfer()}>
          ${icon("transfer")}<span>Import and export</span>
        </button>
        ${canSignOut
          ? html`<button type="button" class="sidebar-action quiet" @click=${() => this.#actions.signOut()}>
              ${icon("signOut")}<span>Sign out</span>
            </button>`
          : nothing}
      </nav>
    `;
  }

  /** Has to be called after the page was drawn. */
  drawn() {
    this.#focus.restore();
  }

  #conversations(openId) {
    const { items, deleted, isArchive, isLoading, hasMore } = this.#list;
    const { problem } = this.#list.attempts;
    const today = new Date().toDateString();
    // A key that is pressed draws the page again, but not the hundreds of conversations in which nothing has changed.
    const chosen = [openId, this.#renaming, this.#expanded];
    return guard([items, deleted, isArchive, isLoading, problem, hasMore, today, ...chosen], () =>
      this.#listed(openId),
    );
  }

  #listed(openId) {
    const shown = this.#list.items.filter((item) => item.id !== this.#list.deleted?.id);
    const pinned = shown.filter((item) => item.is_pinned);
    const others = shown.filter((item) => !item.is_pinned);
    const groups = [...(pinned.length > 0 ? [{ heading: "Pinned", items: pinned }] : []), ...grouped(others)];
    return html`
      <div class="conversations" @scroll=${(event) => this.#loadMoreNearEnd(event.currentTarget)}>
        ${repeat(
          groups,
          (group) => group.heading,
          (group) => this.#group(group, openId),
        )}
        ${this.#ending()}
      </div>
    `;
  }

  #group({ heading, items }, openId) {
    return html`
      <section>
        <h2>${heading}</h2>
        <ul>
          ${repeat(
            items,
            (item) => item.id,
            (item) =>
              html`<li data-id=${item.id} class=${item.id === openId ? "current" : ""}>${this.#item(item, openId)}</li>`,
          )}
        </ul>
      </section>
    `;
  }

  #item(conversation, openId) {
    if (this.#renaming === conversation.id) return this.#renameForm(conversation);
    const { id, title, is_pinned: isPinned, is_archived: isArchived, active_reply_id: running } = conversation;
    return html`
      <a
        href="#/c/${id}"
        dir="auto"
        title=${title}
        aria-current=${id === openId ? "page" : "false"}
        @click=${(event) => this.#open(event, id)}
      >
        ${running ? html`<span class="running" role="img" aria-label="A reply is being written"></span>` : nothing}
        <span class="title">${title}</span>
      </a>
      <span class="more">
        ${iconButton("more", "More", () => this.#expand(id), { expanded: this.#expanded === id })}
      </span>
      <span class="item-actions">
        ${iconButton("pin", isPinned ? "Unpin" : "Pin", () => this.#list.change(id, { is_pinned: !isPinned }), {
          pressed: isPinned,
        })}
        ${iconButton("rename", "Rename", () => this.#beginRenaming(conversation))}
        ${iconButton("archive", isArchived ? "Take out of the archive" : "Archive", () =>
          this.#list.change(id, { is_archived: !isArchived }),
        )}
        ${iconButton("delete", "Delete", (event) => this.#delete(conversation, openId, event))}
      </span>
    `;
  }

  #renameForm(conversation) {
    return html`
      <form class="rename" @submit=${(event) => this.#submitTitle(event, conversation)}>
        <input
          aria-label="Title"
          dir="auto"
          maxlength=${this.#maxTitle}
          required
          .value=${this.#titleTyped}
          @input=${(event) => (this.#titleTyped = event.target.value)}
          @keydown=${(event) => this.#pressedInTitle(event, conversation)}
          @blur=${(event) => this.#leftTitle(event, conversation)}
        />
      </form>
    `;
  }

  #ending() {
    const { items, attempts, isLoading, isArchive, hasMore } = this.#list;
    if (isLoading && attempts.problem === null) return html`<p class="note" role="status">Loading …</p>`;
    if (hasMore) {
      return html`<button type="button" class="quiet" @click=${() => this.#list.loadMore()}>Show older ones</button>`;
    }
    if (items.length > 0 || attempts.problem !== null) return nothing;
    return html`<p class="note">${isArchive ? "The archive is empty." : "Your conversations will be listed here."}</p>`;
  }

  #open(event, id) {
    // The browser opens another tab where the reader asks for one.
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.#actions.open(id);
  }

  #delete(conversation, openId, { currentTarget }) {
    // With a keyboard, it is a long way to the note. With a mouse, the focus stays near the pointer.
    if (currentTarget.matches(":focus-visible")) this.#focus.prefer(".undo");
    const isAtUndo = () => document.querySelector(".undo:focus, .note:hover > .undo") !== null;
    this.#list.delete(conversation, isAtUndo);
    this.#hasClosedDeleted = conversation.id === openId;
    if (this.#hasClosedDeleted) this.#actions.newChat();
  }

  #undoDeletion() {
    const { id } = this.#list.deleted;
    this.#list.undoDeletion();
    // The reader may have opened another one meanwhile.
    if (this.#hasClosedDeleted && this.#openId === null) this.#actions.open(id);
  }

  #expand(id) {
    this.#expanded = this.#expanded === id ? null : id;
    this.#actions.redraw();
  }

  #beginRenaming({ id, title }) {
    this.#renaming = id;
    this.#titleBefore = title;
    this.#titleTyped = title;
    this.#actions.redraw();
    requestAnimationFrame(() => document.querySelector(".rename input")?.select());
  }

  #submitTitle(event, conversation) {
    event.preventDefault();
    this.#rename(conversation, event.currentTarget.querySelector("input").value);
  }

  #pressedInTitle(event, conversation) {
    // While an input method composes a character, the key is meant for it.
    if (event.key !== "Escape" || event.isComposing) return;
    // Elsewhere, the key stops a reply.
    event.preventDefault();
    this.#rename(conversation, this.#titleBefore);
  }

  #leftTitle({ target }, conversation) {
    // Drawing may move the field, and the reader may come back to it from another window.
    if (this.#focus.isDrawing || document.activeElement === target) return;
    this.#rename(conversation, target.value);
  }

  /** Ends the renaming, and gives the conversation the title in the field if that is another one. */
  #rename({ id }, typed) {
    if (this.#renaming !== id) return;
    this.#renaming = null;
    this.#actions.redraw();
    const wanted = typed.trim();
    if (wanted !== "" && wanted !== this.#titleBefore) this.#list.change(id, { title: wanted });
  }

  #loadMoreNearEnd(scroller) {
    const rest = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
    if (rest < NEAR_END_PIXELS && this.#list.attempts.problem === null) this.#list.loadMore();
  }

  /** Returns what the reader is told about the list, wherever it is scrolled to, and on a small screen if it is closed. */
  notes() {
    const { problem, canTryAgain, waitingFor } = this.#list.attempts;
    const again = html`<button type="button" class="quiet" @click=${() => this.#list.attempts.tryAgain()}>
      Try again
    </button>`;
    return html`
      <div class="list-notes">
        ${problem === null ? nothing : html`<p class="note" role="alert">${problem} ${canTryAgain ? again : nothing}</p>`}
        <p class="note" role="status">${waitingFor ?? nothing}</p>
        <p class="note" role="status">${this.#list.deleted === null ? nothing : this.#deletion()}</p>
      </div>
    `;
  }

  #deletion() {
    return html`
      <span id="deletion">Deleted.</span>
      <button
        type="button"
        class="quiet undo"
        aria-describedby="deletion"
        @click=${() => this.#undoDeletion()}
        @keydown=${(event) => this.#pressedAtUndo(event)}
      >
        Undo
      </button>
    `;
  }

  #pressedAtUndo(event) {
    if (event.key !== "Escape") return;
    // Elsewhere, the key stops a reply.
    event.preventDefault();
    this.#list.finishDeletion();
  }
}
