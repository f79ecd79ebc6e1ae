// What survives a reload and ends with the tab.

/** Returns a value that was kept, or null. */
export function kept(name) {
  try {
    return JSON.parse(sessionStorage.getItem(`chatcore:${name}`));
  } catch {
    return null;
  }
}

/** Keeps a value; null removes it. A browser without storage keeps nothing, and the page works until it is closed. */
export function keep(name, value) {
  try {
    if (value === null) sessionStorage.removeItem(`chatcore:${name}`);
    else sessionStorage.setItem(`chatcore:${name}`, JSON.stringify(value));
  } catch {
    // Nothing can be kept.
  }
}
