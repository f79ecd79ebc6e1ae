// Loads the modules that only some visits need, also while the connection breaks or the service gets another version.
import { keep, kept } from "../state/tab-storage.js";
import { addressOf } from "./api.js";
import { Unreachable } from "./problems.js";
import { pause, retrying } from "./retrying.js";

/** How often a module is tried without which the page works as well. */
const FEW_ATTEMPTS = 5;
const PAUSE_MS = 1000;
/** While replicas of two versions are running, the next page may be outdated as well. */
const BETWEEN_RELOADS_MS = 10_000;
const TIMEOUT_MS = 10_000;

let reloading = null;

/**
 * Loads a module, and tries again as long as the service cannot be reached. Loads the page again if the service has
 * another version of it by now.
 *
 * @param {() => Promise<object>} load imports the module
 * @param {number} most the number of attempts
 */
export function loaded(load, { most } = {}) {
  const attempt = async () => {
    try {
      return await attempted(load);
    } catch (failure) {
      if (failure instanceof Unreachable) await reloadIfOutdated();
      throw failure;
    }
  };
  return retrying(attempt, { most });
}

/** Loads a module without which the page works as well: it is tried a few times, and not worth another page. */
export function loadedIfPossible(load) {
  return retrying(() => attempted(load), { most: FEW_ATTEMPTS });
}

async function attempted(load) {
  try {
    return await load();
  } catch (failure) {
    // Browsers report so that a file has not arrived.
    throw failure instanceof TypeError ? new Unreachable(failure) : failure;
  }
}

/** Returns if the page is not outdated, or was loaded again just now. */
function reloadIfOutdated() {
  reloading ??= tryToReload().finally(() => {
    reloading = null;
  });
  return reloading;
}

async function tryToReload() {
  if (Date.now() - kept("reloaded") < BETWEEN_RELOADS_MS || !(await isOutdated())) return;
  await pause(PAUSE_MS);
  const now = Date.now();
  keep("reloaded", now);
  // Without storage, the reader would lose the draft and have to sign in again.
  if (kept("reloaded") !== now) return;
  location.reload();
  await new Promise(() => {});
}

/** Returns whether the service is there, but not this file of it. */
async function isOutdated() {
  const [file, page] = await Promise.all([import.meta.url, addressOf("")].map(statusOf));
  return file === 404 && page === 200;
}

/** Returns the status with which the service answers for a file; null if there is no answer. */
async function statusOf(address) {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    return (await fetch(address, { method: "HEAD", cache: "no-store", signal })).status;
  } catch {
    return null;
  }
}
