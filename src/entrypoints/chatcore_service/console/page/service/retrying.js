// Waits between attempts, and shows when it makes sense to try again.
import { mayPass } from "./problems.js";

const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 10_000;
/** After so many attempts, the next one comes when the connection is back, or when the reader asks for it. */
export const MOST_ATTEMPTS = 6;

/** Returns the pause before an attempt, counted from 0: it grows, and varies so that not all readers return at once. */
export function pauseBefore(attempt, failure) {
  const grown = Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS);
  return Math.max(grown * (0.75 + Math.random() / 2), (failure?.retryAfter ?? 0) * 1000);
}

/** Waits for a time; returns earlier when the network is back, and at once when the signal is aborted. */
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    addEventListener("online", end);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
  });
}

/**
 * Repeats a request until it succeeds or is refused for good.
 *
 * @param {() => Promise} attempt sends the request; a repetition must do no harm
 * @param {(isWaiting: boolean, failure?: Error) => void} onWaiting is told when an attempt has failed and another one
 *   follows, and when none follows any more
 * @param {number} most the number of attempts
 */
export async function retrying(attempt, { onWaiting = () => {}, most = Infinity, signal } = {}) {
  for (let count = 0; ; count += 1) {
    try {
      const result = await attempt();
      if (count > 0) onWaiting(false);
      return result;
    } catch (failure) {
      if (signal?.aborted || !mayPass(failure) || count + 1 >= most) {
        if (count > 0) onWaiting(false);
        throw failure;
      }
      onWaiting(true, failure);
      await pause(pauseBefore(count, failure), signal);
      if (signal?.aborted) throw failure;
    }
  }
}
