// A block of code, which may grow. Only what is new is looked at and laid out, since models write long programs.
import { codeFrame, colour } from "./code-block.js";

const OPENING = /^(`{3,}|~{3,})([^\n]*)\n/;
/** So long are the parts of the code that are laid out on their own. */
const PART_CHARACTERS = 8192;

export class GrowingCode {
  #marker;
  #closing;
  #language;
  #code = document.createElement("code");
  #part = null;
  /** How much of the source is shown. */
  #shown;

  /** The element that shows the block. */
  element;

  /** Returns the block at the beginning of a source; null if there is another kind of block, or none yet. */
  static of(source) {
    const opening = OPENING.exec(source);
    return opening === null || opening[2].includes("`") ? null : new GrowingCode(opening);
  }

  constructor([line, marker, info]) {
    this.#marker = marker;
    this.#closing = new RegExp(`^ {0,3}${marker[0]}{${marker.length},}[ \\t]*$`);
    this.#language = info.trim().split(/\s/)[0];
    this.#shown = line.length;
    this.element = codeFrame(this.#code, this.#language);
  }

  /**
   * Takes the source again, which may have grown.
   *
   * @param {string} source Markdown that begins with the block
   * @param {boolean} isWhole whether no more text follows
   * @returns {number|null} the length of the block; null if it has not ended
   */
  take(source, isWhole) {
    const lines = source.slice(this.#shown).split(/(?<=\n)/);
    const last = lines.at(-1);
    // The last line may become the end of the block.
    if (!isWhole && !last.endsWith("\n") && last.trimStart().startsWith(this.#marker[0])) lines.pop();
    for (const line of lines) {
      const isAtBeginning = source[this.#shown - 1] === "\n";
      this.#shown += line.length;
      if (isAtBeginning && this.#closing.test(line.trimEnd())) return this.#ended();
      this.#append(line);
    }
    return isWhole ? this.#ended() : null;
  }

  #append(line) {
    const isFull = this.#part !== null && this.#part.length > PART_CHARACTERS && this.#part.data.endsWith("\n");
    if (this.#part === null || isFull) {
      const element = document.createElement("span");
      element.className = "code-part";
      this.#part = document.createTextNode("");
      element.append(this.#part);
      this.#code.append(element);
    }
    this.#part.appendData(line);
  }

  #ended() {
    if (this.#language) colour(this.#code, this.#language).catch(() => {});
    return this.#shown;
  }
}
