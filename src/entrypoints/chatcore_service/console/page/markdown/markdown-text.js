// Defines <markdown-text>, which shows a Markdown text and follows it while it grows.
import { loaded } from "../service/module-loading.js";

/** How long one rendering may take, so that the reader can type meanwhile. */
const BUDGET_MS = 8;
/** Renderings may take this share of the time. */
const SHARE = 0.4;

/** After so long, the reader gets the text as it is, until the code that renders it is there. */
const PLAIN_AFTER_MS = 300;

let markdown = null;
let loading = null;

function load() {
  loading ??= loaded(() => import("./rendering.js")).then((module) => {
    markdown = module;
  });
  return loading;
}

class MarkdownText extends HTMLElement {
  #text = "";
  #isGrowing = false;
  /** How much of the text is rendered for good. */
  #settled = 0;
  #settledText = "";
  /** The block at the end of the text that may still change, and what it was rendered of. */
  #tail = [];
  #tailSource = null;
  #code = null;
  /** The last block of a text that was whole, and where it begins. If the text goes on after all, the block may change. */
  #end = null;
  #definitions = "";
  #knowsDefinitions = false;
  #timer = null;
  #pauseMs = 0;

  /** The Markdown. */
  set text(text) {
    // Blocks are measured in the text as Markdown counts it.
    if (text.includes("\r")) text = text.replace(/\r\n?/g, "\n");
    if (text === this.#text) return;
    this.#reopenEnd();
    const isLonger = text.startsWith(this.#settledText);
    this.#text = text;
    this.#knowsDefinitions = false;
    if (!isLonger) this.#startOver();
    this.#schedule();
  }

  /** Whether more text may follow. */
  set growing(isGrowing) {
    if (isGrowing === this.#isGrowing) return;
    this.#isGrowing = isGrowing;
    this.#pauseMs = 0;
    this.#schedule();
  }

  connectedCallback() {
    this.#schedule();
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #schedule() {
    if (markdown === null) await this.#waitForRendering();
    if (!this.isConnected || this.#timer !== null) return;
    // A text that is short and whole is shown at once, so that nothing jumps.
    if (!this.#isGrowing && this.#pauseMs === 0) this.#render();
    else this.#timer = setTimeout(() => this.#continue(), this.#pauseMs);
  }

  async #waitForRendering() {
    const plain = setTimeout(() => {
      this.textContent = this.#text;
      this.classList.add("plain");
    }, PLAIN_AFTER_MS);
    await load();
    clearTimeout(plain);
    if (!this.classList.contains("plain")) return;
    this.classList.remove("plain");
    this.replaceChildren();
  }

  #continue() {
    this.#timer = null;
    this.#render();
  }

  /** Renders as much as there is time for, and the rest later. */
  #render() {
    const begun = performance.now();
    if (!this.#isGrowing && !this.#knowsDefinitions) this.#learnDefinitions();
    let isDone = false;
    while (!isDone && performance.now() - begun < BUDGET_MS) isDone = !this.#settle();
    if (isDone) this.#showTail();
    this.#pauseMs = (performance.now() - begun) / SHARE;
    if (!isDone && this.#timer === null) this.#timer = setTimeout(() => this.#continue(), this.#pauseMs);
  }

  /** Renders the next blocks that do not change any more; returns whether there were some. */
  #settle() {
    const rest = this.#text.slice(this.#settled);
    const length = this.#settleCode(rest) ?? this.#settleBlocks(rest);
    this.#settled += length;
    this.#settledText = this.#text.slice(0, this.#settled);
    return length > 0;
  }

  /** Shows code at the beginning of `rest`; returns its length if it has ended, 0 if not, null if there is no code. */
  #settleCode(rest) {
    if (this.#code === null) {
      this.#code = markdown.GrowingCode.of(rest);
      if (this.#code === null) return null;
      this.#removeTail();
      this.append(this.#code.element);
    }
    const length = this.#code.take(rest, !this.#isGrowing);
    if (length === null) return 0;
    this.#noteEnd(rest, length, [this.#code.element]);
    this.#code = null;
    return length;
  }

  #settleBlocks(rest) {
    const source = markdown.settledBeginning(rest) || (this.#isGrowing ? "" : rest);
    if (source !== "") {
      this.#removeTail();
      this.#noteEnd(rest, source.length, this.#append(markdown.rendered(source, this.#definitions)));
    }
    return source.length;
  }

  #noteEnd(rest, length, nodes) {
    this.#end = !this.#isGrowing && length === rest.length ? { at: this.#settled, nodes } : null;
  }

  #reopenEnd() {
    if (this.#end === null) return;
    this.#tail = this.#end.nodes;
    this.#settled = this.#end.at;
    this.#settledText = this.#text.slice(0, this.#settled);
    this.#end = null;
  }

  /** Renders the block that may still change. */
  #showTail() {
    const source = this.#text.slice(this.#settled);
    if (this.#code !== null || source === this.#tailSource) return;
    this.#removeTail();
    if (source !== "") this.#tail = this.#append(markdown.renderedUnfinished(source));
    this.#tailSource = source;
  }

  /** A definition may stand behind what refers to it, so a text with definitions is rendered again when it is whole. */
  #learnDefinitions() {
    const definitions = markdown.definitionsIn(this.#text);
    this.#knowsDefinitions = true;
    if (definitions === this.#definitions) return;
    this.#startOver();
    this.#definitions = definitions;
  }

  #startOver() {
    this.replaceChildren();
    this.#settled = 0;
    this.#settledText = "";
    this.#tail = [];
    this.#tailSource = null;
    this.#code = null;
    this.#end = null;
    this.#definitions = "";
  }

  #append(fragment) {
    markdown.frameCode(fragment);
    const nodes = [...fragment.childNodes];
    this.append(fragment);
    return nodes;
  }

  #removeTail() {
    for (const node of this.#tail) node.remove();
    this.#tail = [];
    this.#tailSource = null;
  }
}

customElements.define("markdown-text", MarkdownText);
