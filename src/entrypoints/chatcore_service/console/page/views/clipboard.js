// The reader's clipboard.

const TOLD_MS = 1500;

/**
 * Copies a text.
 *
 * @param {string} text the text
 * @param {(outcome: string|null) => void} tell is told whether that worked, in words, and with null when that is told
 *   long enough
 */
export async function copy(text, tell) {
  tell((await isCopied(text)) ? "Copied" : "Not copied");
  setTimeout(() => tell(null), TOLD_MS);
}

async function isCopied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // The clipboard needs an https:// address or this machine.
    return false;
  }
}
