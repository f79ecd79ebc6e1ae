// One message: what the reader wrote, or a reply with its reasoning, its text and its data.
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import "../markdown/markdown-text.js";
import { copied } from "../markdown/code-block.js";
import { replyErrorSentence } from "../service/problems.js";
import { iconButton } from "./icons.js";
import { versionSwitch } from "./versions.js";

/**
 * Returns a message of the reader.
 *
 * @param {object} message the message
 * @param {{isBusy: boolean}} place whether a reply is being written
 * @param {{edit(message), choose(id)}} actions what the reader can do
 */
export function userMessage(message, { isBusy }, actions) {
  return html`
    <article class="message user" aria-label="You" data-id=${message.id}>
      <p dir="auto">${message.content}</p>
      <footer>
        ${iconButton("rename", "Edit", () => actions.edit(message), { disabled: isBusy })}
        ${versionSwitch(message, actions.choose)}
      </footer>
    </article>
  `;
}

/** Returns a message that the service has not acknowledged. */
export function unsentMessage(unsent, { retry, takeBack }) {
  const note = unsent.hasFailed
    ? html`<p class="note" role="alert">
        This message was not sent.
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
 * @param {{isLast: boolean, isBusy: boolean}} place whether nothing follows it, and whether a reply is being written
 * @param {{regenerate(message), continueReply(message), choose(id)}} actions what the reader can do
 */
export function replyMessage(message, log, place, actions) {
  const isGrowing = message.status === "streaming";
  return html`
    <article class="message reply" aria-label="Reply" data-id=${message.id} data-status=${message.status}>
      ${log.parts.map((part, index) => partView(part, { log, isGrowing, isLast: index === log.parts.length - 1 }))}
      ${isGrowing && log.parts.length === 0 ? html`<p class="waiting" aria-hidden="true"></p>` : nothing}
      ${message.error ? errorNote(message, place, actions) : nothing}
      ${isGrowing ? nothing : footer(message, log, place, actions)}
    </article>
  `;
}

function errorNote(message, { isBusy }, actions) {
  return html`
    <p class="reply-error">
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
  // What the model has used is in the line below the reply.
  if (Object.keys(data).every((name) => name === "usage")) return nothing;
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

function footer(message, log, { isLast, isBusy }, actions) {
  const canContinue =
    isLast && (["interrupted", "stopped"].includes(message.status) || message.finish_reason === "length");
  return html`
    <footer>
      ${iconButton("copy", "Copy the reply", () => copied(log.text))}
      ${message.status === "failed"
        ? nothing
        : iconButton("regenerate", "Try again", () => actions.regenerate(message), { disabled: isBusy })}
      ${canContinue
        ? iconButton("continue", "Continue", () => actions.continueReply(message), { disabled: isBusy })
        : nothing}
      ${versionSwitch(message, actions.choose)}
      <span class="facts">${facts(message)}</span>
    </footer>
  `;
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
