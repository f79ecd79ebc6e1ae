// All that renders Markdown, which is loaded with the first reply: it is half of the page's code.
export { definitionsIn, rendered, renderedUnfinished, settledBeginning } from "./blocks.js";
export { frameCode } from "./code-block.js";
export { GrowingCode } from "./growing-code.js";
