// Loads the page again if some of its files have not arrived, as they may while replicas of two versions are running.
//
// It is no module, and all versions serve it at the same address, so that it arrives whatever the other files do. It
// may be of another version than the page, so all that it knows of the page is that its first module marks the document
// as begun. Nothing waits for it, and it waits until everything else has arrived or failed.
(() => {
  const COUNT = "chatcore:reloads";
  const MOST_RELOADS = 20;
  const FIRST_PAUSE_MS = 500;
  const LONGEST_PAUSE_MS = 10_000;
  const TIMEOUT_MS = 10_000;

  if (document.readyState === "complete") check();
  else addEventListener("load", check);

  function check() {
    const hasBegun = document.documentElement.dataset.begun !== undefined;
    if (hasBegun && [...document.querySelectorAll("link[rel=stylesheet]")].every(hasArrived)) forgetCount();
    else recover();
  }

  /** Returns whether a style sheet has arrived. One that has failed is empty in some browsers. */
  function hasArrived(link) {
    return link.sheet?.cssRules.length > 0;
  }

  async function recover() {
    const note = document.createElement("p");
    note.className = "note";
    note.setAttribute("role", "status");
    document.body.append(note);
    const count = counted();
    if (count > MOST_RELOADS) {
      note.textContent = "The page could not be loaded. Try again later.";
      forgetCount();
      return;
    }
    note.textContent = "Parts of the page are missing. Loading it again …";
    await untilServed(count);
    location.reload();
  }

  /** Waits until the service is there, the longer the more attempts there were. */
  async function untilServed(count) {
    for (let attempt = count - 1; ; attempt += 1) {
      const grown = Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS);
      // The pauses vary so that not all readers return at once.
      await new Promise((resolve) => setTimeout(resolve, grown * (0.75 + Math.random() / 4)));
      if (await isServed()) return;
    }
  }

  async function isServed() {
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      return (await fetch(location.href, { method: "HEAD", cache: "no-store", signal })).ok;
    } catch {
      return false;
    }
  }

  /** Returns how often in a row the page has not arrived. A browser that keeps no count pauses as long as can be. */
  function counted() {
    try {
      const count = Number(sessionStorage.getItem(COUNT)) + 1;
      sessionStorage.setItem(COUNT, count);
      return count;
    } catch {
      return MOST_RELOADS;
    }
  }

  function forgetCount() {
    try {
      sessionStorage.removeItem(COUNT);
    } catch {
      // Nothing was kept.
    }
  }
})();
