// One message: what the reader wrote, or a reply with its reasoning, its text and its data.
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import "../markdown/markdown-text.js";
import { loaded } from "../service/module-loading.js";
import { replyErrorSentence } from "../service/problems.js";
import { iconButton } from "./icons.js";
import { versionSwitch } from "./versions.js";

const COPY_LABEL = "Copy the reply";

/**
 * Where a message stands: whether nothing follows it, whether a reply is being written, and whether the reader is asked to
 * confirm its deletion.
 *
 * @typedef {{isLast: boolean, isBusy: boolean, isLeaving: boolean}} Place
 */

/**
 * What the reader can do with a message.
 *
 * @typedef {{edit(message), regenerate(message), continueReply(message), choose(id, label), askToDelete(message),
 *   keep(message), delete(message)}} Actions
 */

/**
 * Returns a message of the reader.
 *
 * @param {object} message the message
 * @param {Place} place where it stands
 * @param {Actions} actions what the reader can do
 */
export function userMessage(message, place, actions) {
  const { isLast, isBusy } = place;
  return html`
    <article class="message user" aria-label="You" data-id=${message.id}>
      <p dir="auto">${message.content}</p>
      <footer>
        ${isLast
          ? iconButton("regenerate", "Try again", () => actions.regenerate(message), { disabled: isBusy })
          : nothing}
        ${message.role === "user"
          ? iconButton("rename", "Edit", () => actions.edit(message), { disabled: isBusy })
          : nothing}
        ${deletion("Delete this message", message, place, actions)} ${versionSwitch(message, actions.choose)}
      </footer>
    </article>
  `;
}

/** Returns the button that deletes a message with everything below it, or the question whether it shall. */
function deletion(label, message, { isLast, isBusy, isLeaving }, actions) {
  if (!isLeaving) return iconButton("delete", label, () => actions.askToDelete(message), { disabled: isBusy });
  const pressed = (event) => {
    if (event.key !== "Escape") return;
    // Elsewhere, the key stops a reply.
    event.preventDefault();
    actions.keep(message);
  };
  return html`<span class="confirmation" role="group" aria-label=${label} @keydown=${pressed}>
    ${isLast ? "Delete this?" : "Delete this and all that follows?"}
    <button type="button" class="quiet" ?disabled=${isBusy} @click=${() => actions.delete(message)}>Delete it</button>
    <button type="button" class="quiet" @click=${() => actions.keep(message)}>Keep it</button>
  </span>`;
}

/** Returns a message that the service has not acknowledged. */
export function unsentMessage(unsent, { retry, takeBack }) {
  const note = unsent.hasFailed
    ? html`<p class="note" role="alert">
        This message may not have arrived.
        <button type="button" class="quiet" @click=${retry}>Send again</button>
        <button type="button" class="quiet" @click=${() => takeBack(unsent.key)}>Edit</button>
      </p>`
    : html`<p class="note">Sending …</p>`;
  return html`<article class="message user unsent" aria-label="You"><p dir="auto">${unsent.content}</p>${note}</article>`;
}

/**
 * Returns a reply.
 *
 * @param {object} message the reply
 * @param {ReplyLog} log what is known of it
 * @param {Place} place where it stands
 * @param {Actions} actions what the reader can do
 */
export function replyMessage(message, log, place, actions) {
  const isGrowing = message.status === "streaming";
  const parts = log.shown;
  return html`
    <article class="message reply" aria-label="Reply" data-id=${message.id} data-status=${message.status}>
      ${parts.map((part, index) => partView(part, { log, isGrowing, isLast: index === parts.length - 1 }))}
      ${isGrowing ? html`<p class="waiting" aria-hidden="true"></p>` : nothing}
      ${message.error ? errorNote(message, place, actions) : nothing}
      ${isGrowing ? growingFooter(message, actions) : footer(message, log, place, actions)}
    </article>
  `;
}

/** Other versions can be looked at while one is being written. */
function growingFooter(message, actions) {
  return message.versions?.length > 1 ? html`<footer>${versionSwitch(message, actions.choose)}</footer>` : nothing;
}

function errorNote(message, { isBusy }, actions) {
  return html`
    <p class="reply-error ${message.status}">
      ${replyErrorSentence(message.error)}
      ${message.status === "failed"
        ? html`<button type="button" class="quiet" ?disabled=${isBusy} @click=${() => actions.regenerate(message)}>
            Try again
          </button>`
        : nothing}
    </p>
  `;
}

function partView(part, { log, isGrowing, isLast }) {
  if (part.type === "text") {
    return html`<markdown-text .text=${part.text} .growing=${isGrowing && isLast}></markdown-text>`;
  }
  return part.type === "reasoning" ? reasoning(part, log, isGrowing && isLast) : dataCard(part.data);
}

function reasoning(part, log, isThinking) {
  const seconds = Math.round(log.thinkingMs / 1000);
  const label = isThinking ? "Thinking …" : seconds > 0 ? `Thought for ${seconds} s` : "Thoughts";
  return html`<details class="reasoning">
    <summary>${label}</summary>
    <p dir="auto">${part.text}</p>
  </details>`;
}

function dataCard(data) {
  return html`<details class="data-card">
    <summary>${dataLabel(data)}</summary>
    <pre dir="ltr" tabindex="0">${JSON.stringify(data, null, 2)}</pre>
  </details>`;
}

function dataLabel(data) {
  const names = (data.tool_calls ?? []).map((call) => call?.function?.name ?? call?.name).filter(Boolean);
  if (names.length > 0) return `Used ${names.join(", ")}`;
  return Object.keys(data).slice(0, 3).join(", ") || "Data";
}

function footer(message, log, place, actions) {
  const { isLast, isBusy } = place;
  const canContinue =
    isLast && (["interrupted", "stopped"].includes(message.status) || message.finish_reason === "length");
  return html`
    <footer>
      ${iconButton("copy", COPY_LABEL, (event) => copyReply(log, event.currentTarget))}
      ${message.status === "failed"
        ? nothing
        : iconButton("regenerate", "Try again", () => actions.regenerate(message), { disabled: isBusy })}
      ${canContinue
        ? iconButton("continue", "Continue", () => actions.continueReply(message), { disabled: isBusy })
        : nothing}
      ${deletion("Delete this reply", message, place, actions)} ${versionSwitch(message, actions.choose)}
      <span class="facts">${facts(message)}</span>
    </footer>
  `;
}

/** Copies the text of a reply, and shows beside the button for a moment whether that worked. */
async function copyReply(log, button) {
  const { copy } = await loaded(() => import("./clipboard.js"));
  await copy(log.text, (outcome) => {
    if (outcome === null) delete button.dataset.outcome;
    else button.dataset.outcome = outcome;
    button.ariaLabel = outcome ?? COPY_LABEL;
  });
}

function facts({ token_count: tokens, inference_time_ms: milliseconds, model_tag: model }) {
  const seconds = milliseconds / 1000;
  return [
    tokens > 0 && (tokens === 1 ? "1 token" : `${tokens} tokens`),
    seconds >= 0.1 && `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`,
    model !== "default" && model,
  ]
    .filter(Boolean)
    .join(" · ");
}
