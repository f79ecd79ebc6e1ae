// Leaves LaTeX as the text that it is. Markdown would take its underscores, stars and backslashes for markup.

const BLOCK = /^(?:\$\$[\s\S]+?\$\$|\\\[[\s\S]+?\\\])[ \t]*(?:\n+|$)/;
// A dollar before a digit or a space is a price. Closing ones follow no space, and no digit follows them.
const INLINE = /^(?:\$\$[^\n]+?\$\$|\$(?![\s\d$])(?:\\.|[^$\n\\])*?(?<!\s)\$(?!\d)|\\\([^\n]+?\\\)|\\\[[^\n]+?\\\])/;

function literal(name, level, pattern, start) {
  return {
    name,
    level,
    start: (source) => source.search(start),
    tokenizer(source) {
      const raw = pattern.exec(source)?.[0];
      return raw && { type: name, raw, text: raw.trim() };
    },
    renderer: ({ text }) => (level === "block" ? `<p>${escaped(text)}</p>\n` : escaped(text)),
  };
}

function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** The extensions for marked. */
export const latex = [
  literal("latexBlock", "block", BLOCK, /\$\$|\\\[/),
  literal("latexInline", "inline", INLINE, /\$|\\[([]/),
];
