// The form in which the reader writes another version of a message.
import { html } from "../vendor/lit-html/lit-html.js";
import { live } from "../vendor/lit-html/directives/live.js";
import { lengthNote } from "./length.js";

/**
 * Returns the form in the place of the message.
 *
 * @param {string} text what is in the field
 * @param {{type(text), send(), cancel()}} actions what the reader can do
 * @param {{canSend: boolean, limit: number}} state whether the text could be sent when the form was drawn, and how many
 *   characters it may have
 */
export function editForm(text, actions, { canSend, limit }) {
  const submit = (event) => {
    event.preventDefault();
    actions.send();
  };
  return html`
    <article class="message user edited" aria-label="You">
      <form class="edit" @submit=${submit} @keydown=${(event) => pressed(event, actions, submit)}>
        <div class="grow" data-text=${text}>
          <textarea
            rows="1"
            dir="auto"
            aria-label="Edit the message"
            aria-describedby="edit-length"
            .value=${live(text)}
            @input=${(event) => actions.type(event.target.value)}
          ></textarea>
        </div>
        <p class="choices">
          <span class="length" id="edit-length" role="status">${lengthNote(text, limit)}</span>
          <button type="button" class="quiet" @click=${actions.cancel}>Cancel</button>
          <button class="primary" ?disabled=${!canSend}>Send</button>
        </p>
      </form>
    </article>
  `;
}

function pressed(event, actions, submit) {
  if (event.key === "Escape") {
    // Elsewhere, the key stops a reply.
    event.preventDefault();
    actions.cancel();
  } else if (event.key === "Enter" && event.target.tagName === "TEXTAREA" && !event.shiftKey && !event.isComposing) {
    submit(event);
  }
}
