// The open conversation.
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { guard } from "../vendor/lit-html/directives/guard.js";
import { repeat } from "../vendor/lit-html/directives/repeat.js";
import { loaded } from "../service/module-loading.js";
import { keepEdit } from "../state/drafts.js";
import { FollowEnd } from "./follow-end.js";
import { icon } from "./icons.js";
import { lengthOf } from "./length.js";
import { replyMessage, unsentMessage, userMessage } from "./message.js";

const NEAR_BEGINNING_PIXELS = 200;

export class ChatView {
  #chat;
  #limit;
  #redraw;
  #followEnd;
  #actions;
  #hasUnsent = false;
  /** The message that the reader edits, and the text so far. */
  #edited = null;
  /** Makes the form for that, as soon as it is loaded. */
  #formOf = null;
  /** The id of the message whose deletion has to be confirmed, or null. */
  #leavingId = null;
  /** Finds the element that gets the focus when the page is drawn: the first selector that does. */
  #nextFocus = [];

  /**
   * @param {OpenChat} chat the conversation
   * @param {number} limit the most characters of a message
   * @param {() => void} redraw draws the page again
   */
  constructor(chat, limit, redraw) {
    this.#chat = chat;
    this.#limit = limit;
    this.#redraw = redraw;
    this.#followEnd = new FollowEnd(redraw);
    const { asking, branches } = chat;
    this.#actions = {
      regenerate: (message) => asking.regenerate(message),
      continueReply: (message) => asking.continueReply(message),
      choose: (id, label) => this.#choose(id, label),
      edit: (message) => this.#beginEdit(message),
      askToDelete: (message) => this.#askToDelete(message),
      keep: (message) => this.#keep(message),
      delete: (message) => {
        this.#leavingId = null;
        branches.delete(message.id);
      },
    };
  }

  /** Shows the end of the conversation, as after a message was sent. */
  showEnd() {
    this.#followEnd.jump();
  }

  /** Has to be called after the page was drawn. */
  drawn() {
    this.#followEnd.watch(document.querySelector(".messages"));
    if (this.#chat.target !== null) this.#showTarget();
    const found = this.#nextFocus.map((selector) => document.querySelector(selector)).find((element) => element !== null);
    found?.focus({ preventScroll: true });
    this.#nextFocus = [];
  }

  async #showTarget() {
    const { id, isFound, words } = this.#chat.target;
    const target = document.querySelector(articleOf(id));
    this.#chat.target = null;
    if (target === null) return;
    if (!isFound) {
      // The last message is at the end, which goes on being followed.
      if (id !== this.#chat.messages.at(-1)?.id) this.#followEnd.leave();
      target.scrollIntoView({ block: "nearest" });
      return;
    }
    target.classList.add("found");
    target.addEventListener("animationend", () => target.classList.remove("found"), { once: true });
    let findWord = () => null;
    this.#followEnd.keepInView(() => (target.isConnected ? (findWord() ?? target) : null));
    const { markWords } = await loaded(() => import("./found-words.js"));
    findWord = markWords(target, words);
    this.#followEnd.keep();
  }

  /** Returns the messages. */
  view() {
    const chat = this.#chat;
    const { isBusy } = chat;
    const { shown, unsent } = chat.writing;
    this.#hasUnsent = unsent.length > 0;
    this.#takeBackEdit();
    return html`
      <div class="messages" @scroll=${(event) => this.#loadOlderNearBeginning(event.currentTarget)}>
        <div
          class="column"
          role="log"
          aria-label="Messages"
          aria-live=${chat.isHeard ? "polite" : "off"}
          aria-busy=${chat.growing !== null}
        >
          ${chat.hasOlder
            ? html`<button type="button" class="quiet older" @click=${() => this.#loadOlder()}>Show older ones</button>`
            : nothing}
          ${this.#placeholder()}
          ${repeat(
            shown,
            (message) => message.id,
            (message) => this.#message(message, isBusy),
          )}
          ${repeat(
            unsent,
            ({ key }) => key,
            (message) =>
              unsentMessage(message, {
                retry: () => chat.writing.retry(),
                takeBack: (key) => chat.writing.takeBack(key),
              }),
          )}
        </div>
      </div>
      <div class="notes">
        ${this.#followEnd.isAtEnd
          ? nothing
          : html`<button type="button" class="jump" @click=${() => this.showEnd()}>${icon("down")} Latest</button>`}
        <p class="note" role="status">${chat.waitingFor ?? nothing}</p>
        ${this.#elsewhere()}
        ${chat.problem && chat.waitingFor === null ? html`<p class="problem" role="alert">${chat.problem}</p>` : nothing}
      </div>
    `;
  }

  /** Returns a note if a reply is being written in a branch that is not shown. */
  #elsewhere() {
    const { running, growing, state, branches } = this.#chat;
    if (running === null || growing !== null || state !== "ready" || this.#hasUnsent) return nothing;
    return html`<p class="note" role="status">
      A reply is being written in another version.
      <button type="button" class="quiet" @click=${() => branches.choose(running)}>Show it</button>
    </p>`;
  }

  #message(message, isBusy) {
    if (this.#edited?.message.id === message.id && this.#formOf !== null) return this.#editForm(isBusy);
    const isLast = message === this.#chat.messages.at(-1) && !this.#hasUnsent;
    const place = { isLast, isBusy, isLeaving: this.#leavingId === message.id };
    // A key that is pressed draws the page again, but not the hundreds of messages in which nothing has changed.
    if (message.role !== "assistant") {
      return guard([message, ...Object.values(place)], () => userMessage(message, place, this.#actions));
    }
    const log = this.#chat.logOf(message);
    return guard([message, log, log.lastId, ...Object.values(place)], () =>
      replyMessage(message, log, place, this.#actions),
    );
  }

  #editForm(isBusy) {
    const { message, text } = this.#edited;
    const actions = {
      type: (typed) => this.#edit(message, typed),
      cancel: () => {
        this.#endEditing();
        this.#nextFocus = [`${articleOf(message.id)} [aria-label="Edit"]`];
      },
      send: () => this.#sendEdit(),
    };
    return this.#formOf(text, actions, { canSend: this.#canSend(text) && !isBusy, limit: this.#limit });
  }

  #canSend(text) {
    return text.trim() !== "" && lengthOf(text) <= this.#limit;
  }

  /** Sends what is in the field now, which may have changed since the form was drawn. */
  #sendEdit() {
    // The form is there until the page is drawn, and may be sent twice.
    if (this.#edited === null) return;
    const { message, text } = this.#edited;
    if (!this.#canSend(text) || this.#chat.isBusy) return;
    this.#endEditing();
    this.#chat.writing.edit(message, text.trim());
    this.showEnd();
  }

  /** Opens the form for a message, unless what was typed for another one would be lost. */
  #beginEdit(message) {
    const { conversationId, message: edited, text } = this.#edited ?? {};
    const hasTyped = this.#edited !== null && conversationId === this.#chat.id && text !== edited.content;
    if (hasTyped) document.querySelector(".edit textarea")?.focus();
    else this.#edit(message, message.content);
  }

  async #edit(message, text) {
    const { id } = this.#chat;
    this.#formOf ??= (await loaded(() => import("./edit-message.js"))).editForm;
    if (this.#chat.id !== id) return;
    if (this.#edited?.message.id !== message.id) this.#nextFocus = [".edit textarea"];
    this.#edited = { conversationId: id, message, text };
    keepEdit(id, { id: message.id, text });
    this.#redraw();
  }

  /** Opens an edit again that was refused or could not be sent; one of a message that is gone goes to the field. */
  #takeBackEdit() {
    if (this.#isEditedGone()) {
      this.#chat.writing.returned = this.#edited.text;
      this.#endEditing();
      this.#chat.changed();
    }
    const { returnedEdit } = this.#chat.writing;
    if (returnedEdit === null) return;
    this.#chat.writing.returnedEdit = null;
    const message = this.#chat.messages.find(({ id }) => id === returnedEdit.id);
    if (message !== undefined) this.#edit(message, returnedEdit.text);
  }

  #isEditedGone() {
    const { id, state, messages } = this.#chat;
    if (this.#edited === null || this.#edited.conversationId !== id || state !== "ready") return false;
    const { message } = this.#edited;
    // It may be in a branch that is not shown.
    return !messages.some(({ id: shown, versions = [] }) => shown === message.id || versions.includes(message.id));
  }

  /** Shows another version, on which the reader can use the same arrow again. */
  async #choose(id, label) {
    await this.#chat.branches.choose(id);
    const arrows = `${articleOf(id)} .versions button:enabled`;
    // After the last version, the other arrow is left.
    this.#nextFocus = [`${arrows}[aria-label="${label}"]`, arrows];
    this.#redraw();
  }

  #askToDelete(message) {
    this.#leavingId = message.id;
    // What cannot be undone takes more than the same key twice.
    this.#nextFocus = [`${articleOf(message.id)} .confirmation button:last-child`];
    this.#redraw();
  }

  #keep(message) {
    this.#leavingId = null;
    this.#nextFocus = [`${articleOf(message.id)} [aria-label^="Delete"]`];
    this.#redraw();
  }

  #endEditing() {
    this.#edited = null;
    keepEdit(this.#chat.id, null);
    this.#redraw();
  }

  #placeholder() {
    const { state, messages } = this.#chat;
    if (state === "missing") return html`<p class="empty">This conversation does not exist any more.</p>`;
    if (messages.length > 0 || this.#hasUnsent) return nothing;
    if (state === "loading") return html`<p class="empty" role="status">Loading …</p>`;
    return state === "ready" ? html`<p class="empty">What would you like to talk about?</p>` : nothing;
  }

  #loadOlderNearBeginning(scroller) {
    if (scroller.scrollTop < NEAR_BEGINNING_PIXELS && this.#chat.hasOlder) this.#loadOlder();
  }

  #loadOlder() {
    this.#followEnd.keepingPlace(() => this.#chat.loadOlder());
  }
}

/** Returns the selector of a message's element. */
function articleOf(id) {
  return `article[data-id="${CSS.escape(id)}"]`;
}
