// The list of conversations.
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { guard } from "../vendor/lit-html/directives/guard.js";
import { repeat } from "../vendor/lit-html/directives/repeat.js";
import { grouped } from "./days.js";
import { icon, iconButton } from "./icons.js";

const NEAR_END_PIXELS = 300;

/** Draws the sidebar, and remembers which conversation is being renamed. */
export class Sidebar {
  #list;
  #search;
  #actions;
  #maxTitle;
  #renaming = null;
  /** Whether the conversation whose deletion can be undone was open. */
  #hasClosedDeleted = false;

  /**
   * @param {ConversationList} list the conversations
   * @param {{isActive: boolean, field(), results()}} search the field for searching, and what was found
   * @param {number} maxTitle the most characters of a title
   * @param {{open(id), change(id, changes), newChat(), transfer(), signOut(), redraw()}} actions what the reader can do
   */
  constructor(list, search, maxTitle, actions) {
    this.#list = list;
    this.#search = search;
    this.#maxTitle = maxTitle;
    this.#actions = actions;
  }

  /** Returns the sidebar. */
  view(openId, { canSignOut }) {
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

  #conversations(openId) {
    const { items, deleted, isArchive, isLoading, problem, hasMore } = this.#list;
    const today = new Date().toDateString();
    // A key that is pressed draws the page again, but not the hundreds of conversations in which nothing has changed.
    return guard([items, deleted, isArchive, isLoading, problem, hasMore, openId, this.#renaming, today], () =>
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
        ${this.#ending(shown)}
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
            (item) => html`<li class=${item.id === openId ? "current" : ""}>${this.#item(item, openId)}</li>`,
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
      <span class="item-actions">
        ${iconButton("pin", isPinned ? "Unpin" : "Pin", () => this.#actions.change(id, { is_pinned: !isPinned }), {
          pressed: isPinned,
        })}
        ${iconButton("rename", "Rename", () => this.#beginRenaming(id))}
        ${iconButton("archive", isArchived ? "Take out of the archive" : "Archive", () =>
          this.#actions.change(id, { is_archived: !isArchived }),
        )}
        ${iconButton("delete", "Delete", () => this.#delete(conversation, openId))}
      </span>
    `;
  }

  #renameForm({ id, title }) {
    return html`
      <form class="rename" @submit=${(event) => this.#rename(event, id)}>
        <input
          aria-label="Title"
          dir="auto"
          maxlength=${this.#maxTitle}
          required
          .value=${title}
          @keydown=${(event) => this.#pressedInTitle(event)}
          @blur=${() => this.#endRenaming()}
        />
      </form>
    `;
  }

  #ending(shown) {
    const { isLoading, isArchive, problem, hasMore } = this.#list;
    if (isLoading) return html`<p class="note" role="status">Loading …</p>`;
    if (problem) {
      return html`<p class="note" role="alert">
        ${problem} <button type="button" class="quiet" @click=${() => this.#list.load()}>Try again</button>
      </p>`;
    }
    if (hasMore) {
      return html`<button type="button" class="quiet" @click=${() => this.#list.loadMore()}>Show older ones</button>`;
    }
    const empty = isArchive ? "The archive is empty." : "Your conversations will be listed here.";
    return shown.length === 0 ? html`<p class="note">${empty}</p>` : nothing;
  }

  #open(event, id) {
    // The browser opens another tab where the reader asks for one.
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.#actions.open(id);
  }

  #delete(conversation, openId) {
    this.#list.delete(conversation);
    this.#hasClosedDeleted = conversation.id === openId;
    if (this.#hasClosedDeleted) this.#actions.newChat();
  }

  #undoDeletion() {
    const { id } = this.#list.deleted;
    this.#list.undoDeletion();
    if (this.#hasClosedDeleted) this.#actions.open(id);
  }

  #beginRenaming(id) {
    this.#renaming = id;
    this.#actions.redraw();
    requestAnimationFrame(() => document.querySelector(".rename input")?.select());
  }

  #pressedInTitle(event) {
    if (event.key !== "Escape") return;
    // Elsewhere, the key stops a reply.
    event.preventDefault();
    this.#endRenaming();
  }

  #endRenaming() {
    this.#renaming = null;
    this.#actions.redraw();
  }

  #rename(event, id) {
    event.preventDefault();
    const title = event.currentTarget.querySelector("input").value;
    this.#endRenaming();
    if (title.trim()) this.#actions.change(id, { title: title.trim() });
  }

  #loadMoreNearEnd(scroller) {
    const rest = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
    if (rest < NEAR_END_PIXELS && !this.#list.problem) this.#list.loadMore();
  }

  /** Returns the note after a deletion, with which the reader can undo it. */
  deletionNote() {
    if (this.#list.deleted === null) return nothing;
    return html`<div class="toast" role="status">
      Deleted. <button type="button" class="quiet" @click=${() => this.#undoDeletion()}>Undo</button>
    </div>`;
  }
}
