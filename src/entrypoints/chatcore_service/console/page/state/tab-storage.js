// What survives a reload and ends with the tab.

const PREFIX = "chatcore:";

/** Returns a value that was kept, or null. */
export function kept(name) {
  try {
    return JSON.parse(sessionStorage.getItem(PREFIX + name));
  } catch {
    return null;
  }
}

/** Keeps a value; null removes it. A browser without storage keeps nothing, and the page works until it is closed. */
export function keep(name, value) {
  try {
    if (value === null) sessionStorage.removeItem(PREFIX + name);
    else sessionStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Nothing can be kept.
  }
}

/** Removes everything but some values, as when the reader has signed out. */
export function forgetAll({ except = [] } = {}) {
  const spared = except.map((name) => PREFIX + name);
  try {
    for (const name of Object.keys(sessionStorage)) {
      if (name.startsWith(PREFIX) && !spared.includes(name)) sessionStorage.removeItem(name);
    }
  } catch {
    // Nothing was kept.
  }
}
