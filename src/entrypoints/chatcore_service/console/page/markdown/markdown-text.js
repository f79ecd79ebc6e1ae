// Defines <markdown-text>, which shows a Markdown text and follows it while it grows.
import { frameCode } from "./code-block.js";

// A rendering may take this share of the time, so that the page stays responsive however long a text is.
const SHARE = 0.2;

// Half of the page's code renders Markdown, and a page without replies does without it.
let markdown = null;
let loading = null;

function load() {
  loading ??= import("./blocks.js").then((module) => {
    markdown = module;
  });
  return loading;
}

class MarkdownText extends HTMLElement {
  #text = "";
  #isGrowing = false;
  /** What is rendered for good. */
  #settled = "";
  #tail = [];
  #wait = null;
  #renderedTail = null;
  #pauseMs = 0;

  /** The Markdown. */
  set text(text) {
    // Blocks are measured in the text as Markdown counts it.
    if (text.includes("\r")) text = text.replace(/\r\n?/g, "\n");
    if (text === this.#text) return;
    this.#text = text;
    this.#schedule();
  }

  /** Whether more text may follow. */
  set growing(isGrowing) {
    if (isGrowing === this.#isGrowing) return;
    this.#isGrowing = isGrowing;
    this.#schedule();
  }

  connectedCallback() {
    this.#schedule();
  }

  disconnectedCallback() {
    clearTimeout(this.#wait);
    this.#wait = null;
  }

  #schedule() {
    if (!this.isConnected) return;
    if (!this.#isGrowing) {
      clearTimeout(this.#wait);
      this.#wait = null;
      this.#render();
    } else if (this.#wait === null) {
      this.#wait = setTimeout(() => {
        this.#wait = null;
        this.#render();
      }, this.#pauseMs);
    }
  }

  #render() {
    if (markdown === null) {
      load().then(() => this.#schedule());
      return;
    }
    const begun = performance.now();
    const isWhole = !this.#isGrowing && markdown.hasDefinitions(this.#text);
    if (isWhole || !this.#text.startsWith(this.#settled)) this.#startOver();
    if (this.#isGrowing) this.#grow();
    else this.#finish();
    this.#pauseMs = (performance.now() - begun) / SHARE;
  }

  #startOver() {
    this.replaceChildren();
    this.#settled = "";
    this.#tail = [];
    this.#renderedTail = null;
  }

  #grow() {
    const { settled, tail } = markdown.blocksOf(this.#text.slice(this.#settled.length));
    if (settled.length > 0) {
      this.#removeTail();
      const source = settled.join("");
      this.#append(markdown.rendered(source), true);
      this.#settled += source;
    }
    if (tail === this.#renderedTail) return;
    this.#removeTail();
    this.#tail = this.#append(markdown.renderedUnfinished(tail), false);
    this.#renderedTail = tail;
  }

  #finish() {
    this.#removeTail();
    const rest = this.#text.slice(this.#settled.length);
    if (rest) this.#append(markdown.rendered(rest), true);
    this.#settled = this.#text;
  }

  #append(fragment, isFinished) {
    frameCode(fragment, isFinished);
    const nodes = [...fragment.childNodes];
    this.append(fragment);
    return nodes;
  }

  #removeTail() {
    for (const node of this.#tail) node.remove();
    this.#tail = [];
    this.#renderedTail = null;
  }
}

customElements.define("markdown-text", MarkdownText);
