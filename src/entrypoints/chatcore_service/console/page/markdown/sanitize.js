// Makes nodes of HTML that a model may have written. Nothing else on the page makes nodes of text.
import "../vendor/dompurify/dist/purify.min.js";

// The script is no module and sets a global, which no other module uses.
const purify = globalThis.DOMPurify;

// What Markdown makes, and the tags that models write in it. An image would be requested from a host that the model names.
const TAGS = [
  ...["a", "b", "blockquote", "br", "code", "dd", "del", "details", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4"],
  ...["h5", "h6", "hr", "i", "input", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "samp", "small", "span"],
  ...["strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul", "var"],
];
const ATTRIBUTES = ["align", "checked", "class", "colspan", "disabled", "href", "open", "rowspan", "start", "title", "type"];
const LANGUAGE_CLASS = /^language-[\w+#.-]{1,40}$/;
const HIGHLIGHT_CLASS = /^hljs-[\w-]+(?: [\w-]+_{0,2})*$/;
const LINK = /^(?:https?|mailto):/i;
const WITH_TEXT = "p, h1, h2, h3, h4, h5, h6, blockquote, td, th, dt, dd, summary";
/** Blocks whose marks, bar or columns begin on the side of their text, which `auto` does not find inside paragraphs. */
const WITH_SIDES = "ul, ol, blockquote, table";
const RIGHT_TO_LEFT = /^\P{L}*[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

const OPTIONS = {
  ALLOWED_TAGS: TAGS,
  ALLOWED_ATTR: ATTRIBUTES,
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

purify.addHook("uponSanitizeAttribute", (node, attribute) => {
  // Other classes would let a text look like a part of the page.
  if (attribute.attrName === "class") {
    const isLanguage = node.nodeName === "CODE" && LANGUAGE_CLASS.test(attribute.attrValue);
    attribute.keepAttr = isLanguage || (node.nodeName === "SPAN" && HIGHLIGHT_CLASS.test(attribute.attrValue));
  }
  // An address that is relative would lead to this service.
  if (attribute.attrName === "href") attribute.keepAttr = LINK.test(attribute.attrValue);
});

purify.addHook("afterSanitizeAttributes", (node) => {
  if (node.nodeName === "A" && node.hasAttribute("href")) {
    node.setAttribute("target", "_blank");
    node.setAttribute("rel", "noopener noreferrer");
  }
  if (node.nodeName === "INPUT") {
    if (node.getAttribute("type") === "checkbox") node.setAttribute("disabled", "");
    else node.remove();
  }
});

/** Returns the harmless part of some HTML. Each paragraph gets the direction of its own text. */
export function nodesOf(html) {
  const fragment = purify.sanitize(html, OPTIONS);
  for (const element of fragment.querySelectorAll(WITH_TEXT)) element.dir = "auto";
  for (const element of fragment.querySelectorAll(WITH_SIDES)) {
    if (RIGHT_TO_LEFT.test(element.textContent)) element.dir = "rtl";
  }
  return fragment;
}
