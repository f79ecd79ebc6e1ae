// The reader's clipboard.

/** Copies a text; returns whether that worked. */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // The clipboard needs an https:// address or this machine.
    return false;
  }
}
