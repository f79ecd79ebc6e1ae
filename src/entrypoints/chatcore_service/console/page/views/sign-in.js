// What a reader sees who is not signed in.
import { html, nothing } from "../vendor/lit-html/lit-html.js";

const INTRODUCTIONS = {
  token: "Paste a token of yours. It is kept in this tab only.",
  issuer: "Sign in to chat.",
  proxy: "You are signed out.",
};

/**
 * @param {string} kind how the reader signs in
 * @param {{problem?: string|null, isStarting?: boolean}} state what went wrong before, in a sentence, and whether the
 *   reader is being signed in
 * @param {(token?: string) => void} begin begins
 */
export function signInView(kind, { problem = null, isStarting = false }, begin) {
  function submit(event) {
    event.preventDefault();
    begin(event.currentTarget.querySelector("input")?.value);
  }

  return html`
    <main class="sign-in">
      <h1>chatcore</h1>
      <p>${INTRODUCTIONS[kind]}</p>
      ${problem ? html`<p class="problem" role="alert">${problem}</p>` : nothing}
      <form @submit=${submit}>
        ${kind === "token"
          ? html`<input type="password" aria-label="Token" placeholder="Token" autocomplete="off" required />`
          : nothing}
        <button class="primary" ?disabled=${isStarting}>${kind === "token" ? "Open" : "Sign in"}</button>
      </form>
    </main>
  `;
}

/** Returns what is shown when the page cannot even begin. */
export function failureView(sentence) {
  return html`
    <main class="sign-in">
      <h1>chatcore</h1>
      <p class="problem" role="alert">${sentence}</p>
      <button type="button" class="primary" @click=${() => location.reload()}>Try again</button>
    </main>
  `;
}
