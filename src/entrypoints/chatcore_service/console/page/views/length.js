// How long a text may be.
import { nothing } from "../vendor/lit-html/lit-html.js";

/** Returns the number of characters, as the service counts them. */
export function lengthOf(text) {
  return [...text].length;
}

/** Returns what the reader is told of a text that is too long. */
export function lengthNote(text, limit) {
  const length = lengthOf(text);
  return length > limit ? `${length} of at most ${limit} characters` : nothing;
}
