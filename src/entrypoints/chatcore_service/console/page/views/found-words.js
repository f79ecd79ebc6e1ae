// Finds words in a message and marks them, without touching what the message consists of.

const NAME = "found";
const MOST_RANGES = 500;

/** Sees when the text of the marked message is rendered. */
let rendering = null;

/**
 * Marks words in a message, until others are marked. They are marked again whenever its text is rendered.
 *
 * @param {Element} article the message
 * @param {string[]} words the words
 * @returns {() => (Range|null)} a function that returns the place of the first one, or null if none is there
 */
export function markWords(article, words) {
  let ranges = [];
  const mark = () => {
    ranges = rangesOf(article, words);
    // A browser that cannot mark text without elements still finds the place.
    globalThis.CSS.highlights?.set(NAME, new Highlight(...ranges));
  };
  mark();
  rendering?.disconnect();
  rendering = new MutationObserver(mark);
  rendering.observe(article, { subtree: true, childList: true });
  return () => ranges[0] ?? null;
}

function rangesOf(article, words) {
  const texts = [...article.querySelectorAll("markdown-text, :scope > p")];
  const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")).join("|");
  if (escaped === "") return [];
  const find = (pattern) => texts.flatMap((text) => matchesIn(text, pattern)).slice(0, MOST_RANGES);
  // Not all languages put anything between words.
  const whole = find(new RegExp(`(?<![\\p{L}\\p{N}])(?:${escaped})`, "giu"));
  return whole.length > 0 ? whole : find(new RegExp(escaped, "giu"));
}

function matchesIn(element, pattern) {
  const ranges = [];
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    for (const { index, 0: match } of node.data.matchAll(pattern)) {
      const range = new Range();
      range.setStart(node, index);
      range.setEnd(node, index + match.length);
      ranges.push(range);
    }
  }
  return ranges;
}
