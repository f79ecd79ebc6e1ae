// Where the reader writes.
import { html } from "../vendor/lit-html/lit-html.js";
import { live } from "../vendor/lit-html/directives/live.js";
import { draftOf, keepDraft, withReturned } from "../state/drafts.js";
import { icon } from "./icons.js";
import { lengthNote, lengthOf } from "./length.js";

export class Composer {
  #actions;
  #limit;
  #text = "";
  #conversationId = null;
  #isBusy = false;

  /**
   * @param {{send(content), stop(), redraw()}} actions what the reader can do
   * @param {number} limit the most characters of a message
   */
  constructor(actions, limit) {
    this.#actions = actions;
    this.#limit = limit;
  }

  /** The id of the conversation whose draft is shown; null stands for a new chat. */
  get conversationId() {
    return this.#conversationId;
  }

  /** Shows the draft of another conversation; null stands for a new chat. */
  showDraftOf(conversationId) {
    this.#conversationId = conversationId;
    this.#text = draftOf(conversationId);
  }

  /** Puts a text that was not sent back, in front of what the reader has typed since. */
  putBack(text) {
    this.#setText(withReturned(text, this.#text));
  }

  /** Moves the focus to where one writes. */
  focus() {
    document.querySelector("#message")?.focus();
  }

  /**
   * Returns the form.
   *
   * @param {{isWriting: boolean, isBusy: boolean}} chat whether a reply is being written, and whether the chat takes no
   *   message, for that reason or because one is on its way
   */
  view({ isWriting, isBusy }) {
    this.#isBusy = isBusy;
    return html`
      <form class="composer" @submit=${(event) => this.#submit(event)}>
        <div class="grow" data-text=${this.#text}>
          <textarea
            id="message"
            rows="1"
            dir="auto"
            aria-label="Message"
            placeholder="Write a message"
            aria-describedby="length"
            .value=${live(this.#text)}
            @input=${(event) => this.#typed(event.target.value)}
            @keydown=${(event) => this.#pressed(event)}
          ></textarea>
        </div>
        ${isWriting
          ? html`<button type="button" class="round" aria-label="Stop" title="Stop (Esc)" @click=${this.#actions.stop}>
              ${icon("stop")}
            </button>`
          : html`<button class="round" aria-label="Send" title="Send (Enter)" ?disabled=${!this.#canSend}>
              ${icon("send")}
            </button>`}
      </form>
      <p class="length" id="length" role="status">${lengthNote(this.#text, this.#limit)}</p>
    `;
  }

  /** Whether what is in the field can be sent now, which may have changed since the form was drawn. */
  get #canSend() {
    return this.#text.trim() !== "" && lengthOf(this.#text) <= this.#limit && !this.#isBusy;
  }

  #typed(text) {
    this.#setText(text);
    this.#actions.redraw();
  }

  #setText(text) {
    this.#text = text;
    keepDraft(this.#conversationId, text);
  }

  #pressed(event) {
    // While an input method composes a character, Enter chooses it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#send();
  }

  #submit(event) {
    event.preventDefault();
    this.#send();
  }

  #send() {
    if (!this.#canSend) return;
    const content = this.#text.trim();
    this.#setText("");
    this.#actions.send(content);
  }
}
