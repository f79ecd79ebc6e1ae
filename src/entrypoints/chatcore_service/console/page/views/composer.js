// Where the reader writes.
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { draftOf, keepDraft } from "../state/drafts.js";
import { icon } from "./icons.js";

export class Composer {
  #actions;
  #limit;
  #text = "";
  #conversationId = null;

  /**
   * @param {{send(content), stop(), redraw()}} actions what the reader can do
   * @param {number} limit the most characters of a message
   */
  constructor(actions, limit) {
    this.#actions = actions;
    this.#limit = limit;
  }

  /** Shows the draft of another conversation; null stands for a new chat. */
  showDraftOf(conversationId) {
    this.#conversationId = conversationId;
    this.#text = draftOf(conversationId);
  }

  /** Puts a text that was not sent back, in front of what the reader has typed since. */
  putBack(text) {
    this.#setText(this.#text.trim() ? `${text}\n${this.#text}` : text);
  }

  /** Moves the focus to where one writes. */
  focus() {
    document.querySelector("#message")?.focus();
  }

  /** Returns the form. */
  view({ isBusy }) {
    const length = [...this.#text].length;
    const isTooLong = length > this.#limit;
    const canSend = this.#text.trim() !== "" && !isTooLong && !isBusy;
    return html`
      <form class="composer" @submit=${(event) => this.#submit(event, canSend)}>
        <div class="grow" data-text=${this.#text}>
          <textarea
            id="message"
            rows="1"
            dir="auto"
            aria-label="Message"
            placeholder="Write a message"
            aria-describedby="length"
            .value=${this.#text}
            @input=${(event) => this.#typed(event.target.value)}
            @keydown=${(event) => this.#pressed(event, canSend)}
          ></textarea>
        </div>
        ${isBusy
          ? html`<button type="button" class="round" aria-label="Stop" title="Stop (Esc)" @click=${this.#actions.stop}>
              ${icon("stop")}
            </button>`
          : html`<button class="round" aria-label="Send" title="Send (Enter)" ?disabled=${!canSend}>
              ${icon("send")}
            </button>`}
      </form>
      <p class="length" id="length" role="status">
        ${isTooLong ? `${length} of at most ${this.#limit} characters` : nothing}
      </p>
    `;
  }

  #typed(text) {
    this.#setText(text);
    this.#actions.redraw();
  }

  #setText(text) {
    this.#text = text;
    keepDraft(this.#conversationId, text);
  }

  #pressed(event, canSend) {
    // While an input method composes a character, Enter chooses it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (canSend) this.#send();
  }

  #submit(event, canSend) {
    event.preventDefault();
    if (canSend) this.#send();
  }

  #send() {
    const content = this.#text.trim();
    this.#setText("");
    this.#actions.send(content);
  }
}
