// Puts code into a frame with its language and a button that copies it.
import { loadedIfPossible } from "../service/module-loading.js";
import { copy } from "../views/clipboard.js";

let highlighter = null;

/** Frames the code blocks of a fragment that are not blocks of their own, such as those in lists. */
export function frameCode(fragment) {
  for (const code of fragment.querySelectorAll("pre > code")) {
    const language = code.className.replace(/^language-/, "");
    code.parentElement.replaceWith(codeFrame(code, language));
    if (language) colour(code, language).catch(() => {});
  }
}

/** Returns a frame around an element with code. */
export function codeFrame(code, language) {
  const frame = document.createElement("div");
  frame.className = "code-block";
  const pre = document.createElement("pre");
  // A block that is wider than the page can be scrolled with the keyboard.
  pre.tabIndex = 0;
  pre.dir = "ltr";
  pre.append(code);
  frame.append(headerOf(code, language), pre);
  return frame;
}

function headerOf(code, language) {
  const header = document.createElement("div");
  header.className = "code-header";
  const label = document.createElement("span");
  label.textContent = language || "text";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = "Copy";
  button.addEventListener("click", () =>
    copy(code.textContent, (outcome) => {
      button.textContent = outcome ?? "Copy";
    }),
  );
  header.append(label, button);
  return header;
}

/** Colours code. The rest of the page does not wait for the highlighter, and without it the code stays plain. */
export async function colour(code, language) {
  highlighter ??= loadedIfPossible(() => import("./highlight.js"));
  const { highlight } = await highlighter;
  await highlight(code, language);
}
