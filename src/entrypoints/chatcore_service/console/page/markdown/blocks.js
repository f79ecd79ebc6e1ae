// Divides Markdown into blocks, so that a growing text is rendered block by block and not from its beginning each time.
import { Marked } from "../vendor/marked/lib/marked.esm.js";
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

let mend = null;
let loading = null;

/** A definition of a link, to which other blocks may refer. */
const DEFINITION = /^ {0,3}\[[^\]\n]+\]:/m;

/**
 * Divides a text.
 *
 * @returns {{settled: string[], tail: string}} the blocks that do not change when more text follows, and the rest
 */
export function blocksOf(source) {
  const tokens = marked.lexer(source);
  let last = tokens.length - 1;
  while (last >= 0 && tokens[last].type === "space") last -= 1;
  const settled = tokens.slice(0, Math.max(last, 0)).map((token) => token.raw);
  return { settled, tail: source.slice(settled.reduce((length, raw) => length + raw.length, 0)) };
}

/** Returns whether blocks of a text refer to each other, so that it has to be rendered as a whole. */
export function hasDefinitions(source) {
  return DEFINITION.test(source);
}

/** Renders Markdown. */
export function rendered(source) {
  return nodesOf(marked.parse(source));
}

/** Renders the end of a text that grows, as if the markup that is open there were closed. */
export function renderedUnfinished(source) {
  // Only a text that grows needs this code. Until it is there, the markup shows for a moment.
  loading ??= import("../vendor/remend/dist/index.js").then((module) => {
    mend = module.default;
  });
  return rendered(mend === null ? source : mend(source, MENDING));
}

function attribute(text) {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
