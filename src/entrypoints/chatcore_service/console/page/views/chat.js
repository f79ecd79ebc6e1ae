// The open conversation.
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { guard } from "../vendor/lit-html/directives/guard.js";
import { repeat } from "../vendor/lit-html/directives/repeat.js";
import { editForm } from "./edit-message.js";
import { FollowEnd } from "./follow-end.js";
import { icon } from "./icons.js";
import { replyMessage, unsentMessage, userMessage } from "./message.js";

const NEAR_BEGINNING_PIXELS = 200;

export class ChatView {
  #chat;
  #redraw;
  #followEnd;
  #hasUnsent = false;
  /** The message that the reader edits, and the text so far. */
  #edited = null;

  /**
   * @param {OpenChat} chat the conversation
   * @param {() => void} redraw draws the page again
   */
  constructor(chat, redraw) {
    this.#chat = chat;
    this.#redraw = redraw;
    this.#followEnd = new FollowEnd(redraw);
  }

  /** Shows the end of the conversation, as after a message was sent. */
  showEnd() {
    this.#followEnd.jump();
  }

  /** Has to be called after the page was drawn. */
  drawn() {
    this.#followEnd.watch(document.querySelector(".messages"));
    if (this.#chat.target !== null) this.#showTarget();
  }

  #showTarget() {
    const target = document.querySelector(`[data-id="${CSS.escape(this.#chat.target)}"]`);
    this.#chat.target = null;
    if (target === null) return;
    this.#followEnd.leave();
    target.scrollIntoView({ block: "center" });
    target.classList.add("found");
    target.addEventListener("animationend", () => target.classList.remove("found"), { once: true });
  }

  /** Returns the messages. */
  view() {
    const chat = this.#chat;
    const isBusy = chat.running !== null;
    this.#hasUnsent = chat.unsent.length > 0;
    return html`
      <div class="messages" @scroll=${(event) => this.#loadOlderNearBeginning(event.currentTarget)}>
        <div class="column" role="log" aria-label="Messages" aria-live="polite" aria-busy=${chat.growing !== null}>
          ${chat.hasOlder
            ? html`<button type="button" class="quiet older" @click=${() => this.#loadOlder()}>Show older ones</button>`
            : nothing}
          ${this.#placeholder()}
          ${repeat(
            chat.messages,
            (message) => message.id,
            (message) => this.#message(message, isBusy),
          )}
          ${repeat(
            chat.unsent,
            (unsent) => unsent.key,
            (unsent) =>
              unsentMessage(unsent, { retry: () => chat.retryUnsent(), takeBack: (key) => chat.takeBack(key) }),
          )}
        </div>
      </div>
      <div class="notes">
        ${this.#followEnd.isAtEnd
          ? nothing
          : html`<button type="button" class="jump" @click=${() => this.showEnd()}>${icon("down")} Latest</button>`}
        <p class="note" role="status">${chat.isWaiting ? "The connection is lost. Waiting for it …" : nothing}</p>
        ${chat.problem && !chat.isWaiting ? html`<p class="problem" role="alert">${chat.problem}</p>` : nothing}
      </div>
    `;
  }

  #message(message, isBusy) {
    if (message.role !== "assistant") return this.#userMessage(message, isBusy);
    const chat = this.#chat;
    const log = chat.logOf(message);
    const isLast = message === chat.messages.at(-1) && !this.#hasUnsent;
    // A key that is pressed draws the page again, but not the hundreds of messages in which nothing has changed.
    return guard([message, log, log.lastId, isLast, isBusy], () =>
      replyMessage(
        message,
        log,
        { isLast, isBusy },
        {
          regenerate: (reply) => chat.regenerate(reply),
          continueReply: (reply) => chat.continueReply(reply),
          choose: (id) => chat.choose(id),
        },
      ),
    );
  }

  #userMessage(message, isBusy) {
    if (this.#edited?.message.id === message.id) return this.#editForm(isBusy);
    const actions = { edit: () => this.#edit(message, message.content), choose: (id) => this.#chat.choose(id) };
    return guard([message, isBusy], () => userMessage(message, { isBusy }, actions));
  }

  #editForm(isBusy) {
    const { message, text } = this.#edited;
    const actions = {
      type: (typed) => this.#edit(message, typed),
      cancel: () => this.#endEditing(),
      send: () => {
        this.#endEditing();
        this.#chat.edit(message, text.trim());
        this.showEnd();
      },
    };
    return editForm(text, actions, text.trim() !== "" && !isBusy);
  }

  #edit(message, text) {
    const hasBegun = this.#edited?.message.id !== message.id;
    this.#edited = { message, text };
    this.#redraw();
    if (hasBegun) requestAnimationFrame(() => document.querySelector(".edit textarea")?.focus());
  }

  #endEditing() {
    this.#edited = null;
    this.#redraw();
  }

  #placeholder() {
    const { state, messages, unsent } = this.#chat;
    if (state === "missing") return html`<p class="empty">This conversation does not exist any more.</p>`;
    if (messages.length > 0 || unsent.length > 0) return nothing;
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
