// How replies are sampled: what the reader prefers, for all conversations, in this browser.

const NAME = "chatcore:sampling";
/** The names are those of the service's API. */
const FIELDS = ["temperature", "max_tokens", "top_k"];

/**
 * Returns what the reader has chosen; the service decides about the rest.
 *
 * @returns {{temperature?: number, max_tokens?: number, top_k?: number}}
 */
export function keptSampling() {
  let chosen;
  try {
    chosen = JSON.parse(localStorage.getItem(NAME)) ?? {};
  } catch {
    return {};
  }
  return Object.fromEntries(FIELDS.filter((name) => Number.isFinite(chosen[name])).map((name) => [name, chosen[name]]));
}

/** Keeps what the reader has chosen. */
export function keepSampling(chosen) {
  try {
    localStorage.setItem(NAME, JSON.stringify(chosen));
  } catch {
    // A browser without storage keeps nothing.
  }
}
