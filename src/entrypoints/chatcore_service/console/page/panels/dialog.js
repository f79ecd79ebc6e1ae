// Shows a dialog above the page.
import { html, render } from "../vendor/lit-html/lit-html.js";
import { iconButton } from "../views/icons.js";

const styles = document.createElement("link");
styles.rel = "stylesheet";
styles.href = new URL("panels.css", import.meta.url).href;
document.head.append(styles);
// A dialog without its styles is of use, too.
await new Promise((resolve) => {
  styles.onload = resolve;
  styles.onerror = resolve;
});

export class Dialog {
  #element = document.createElement("dialog");
  #title;
  #content;

  /**
   * Shows a dialog until the reader closes it.
   *
   * @param {string} title the heading
   * @param {() => object} content returns what is below it
   * @param {AbortSignal} signal closes the dialog, as when the reader is signed out
   */
  constructor(title, content, signal) {
    this.#title = title;
    this.#content = content;
    this.#element.setAttribute("aria-labelledby", "dialog-title");
    // Keys that mean something on the page, such as Escape, are meant for the dialog.
    this.#element.addEventListener("keydown", (event) => event.stopPropagation());
    this.#element.addEventListener("close", () => this.#element.remove());
    signal.addEventListener("abort", () => this.close());
    this.redraw();
    document.body.append(this.#element);
    this.#element.showModal();
  }

  /** Draws the dialog again. */
  redraw() {
    render(
      html`
        <header>
          <h2 id="dialog-title">${this.#title}</h2>
          ${iconButton("close", "Close", () => this.close())}
        </header>
        ${this.#content()}
      `,
      this.#element,
    );
  }

  /** Calls `onClose` when the dialog is closed. */
  whenClosed(onClose) {
    this.#element.addEventListener("close", onClose);
  }

  close() {
    this.#element.close();
  }
}
