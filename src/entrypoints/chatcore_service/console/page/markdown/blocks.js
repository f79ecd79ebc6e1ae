// Divides Markdown into blocks, so that a text is rendered block by block: while it grows, and however long it is.
import { Lexer, Marked } from "../vendor/marked/lib/marked.esm.js";
import { loadedIfPossible } from "../service/module-loading.js";
import { latex } from "./latex.js";
import { nodesOf } from "./sanitize.js";

const marked = new Marked({
  gfm: true,
  breaks: true,
  extensions: latex,
  renderer: {
    // An image becomes a link: the page requests nothing from hosts that a text names.
    image: ({ href, text }) => `<a href="${attribute(href)}">${attribute(text || href)}</a>`,
  },
});

const MENDING = { katex: false, linkMode: "text-only", images: false };

/** How many characters are divided at once. */
const SLICE = 4096;

const FENCE = /^(?:`{3}|~{3})/;
/** A definition of a link, to which any block may refer. */
const DEFINITION = /^ {0,3}\[[^\]\n]+\]:[^\n]*$/gm;

let mend = null;
let loading = null;

/**
 * Divides the beginning of a text.
 *
 * @returns {string} the blocks at the beginning that do not change when more text follows; empty if there are none
 */
export function settledBeginning(source) {
  for (let size = SLICE; ; size *= 2) {
    // The last block may go on behind the slice, or when more text follows.
    const settled = blocks(source.slice(0, size)).slice(0, -1);
    // Code is shown by itself.
    const code = settled.findIndex((raw, index) => index > 0 && FENCE.test(raw));
    if (code > 0) return settled.slice(0, code).join("");
    if (settled.length > 0 || size >= source.length) return settled.join("");
  }
}

/** Returns the blocks of a text. Only a lexer knows where a block ends, and it need not look into the block. */
function blocks(source) {
  const raws = new Lexer(marked.defaults).blockTokens(source, []).map((token) => token.raw);
  // White space belongs to the block in front of it.
  return raws.reduce((joined, raw) => {
    if (raw.trim() === "" && joined.length > 0) joined.push(joined.pop() + raw);
    else joined.push(raw);
    return joined;
  }, []);
}

/** Returns the definitions of links in a text, for `rendered`. */
export function definitionsIn(source) {
  return (source.match(DEFINITION) ?? []).join("\n");
}

/** Renders blocks, which may refer to definitions that stand elsewhere. */
export function rendered(source, definitions = "") {
  return nodesOf(marked.parse(definitions && source.includes("[") ? `${source}\n\n${definitions}` : source));
}

/** Renders the end of a text that grows, as if the markup that is open there were closed. */
export function renderedUnfinished(source) {
  // Only a text that grows needs this code. Without it, the markup shows until it is closed.
  loading ??= loadedIfPossible(() => import("../vendor/remend/dist/index.js"))
    .then((module) => {
      mend = module.default;
    })
    .catch(() => {});
  return rendered(mend === null ? source : mend(source, MENDING));
}

function attribute(text) {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
