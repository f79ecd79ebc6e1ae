// Reads one feed for all tabs of the browser in which the same reader is signed in. A browser opens six connections to a
// service at most, and the tabs need some for replies.
import { readFeed } from "../service/feed.js";

// Several services may be behind different paths of one host.
const NAME = `chatcore-feed ${new URL(".", document.baseURI).pathname}`;

export class OneFeed {
  #api;
  #onEvent;
  #userId;
  #place = null;
  /** What other tabs have read before this one knows its reader. */
  #early = [];
  #channel = new BroadcastChannel(NAME);
  #end = new AbortController();

  /**
   * @param {Api} api the service
   * @param {(event: {type: string, data: object}) => void} onEvent is called with each event, which may come twice
   */
  constructor(api, onEvent) {
    this.#api = api;
    this.#onEvent = onEvent;
    this.#channel.onmessage = ({ data }) => {
      if (this.#place === null) this.#early.push(data);
      else this.#heard(data);
    };
  }

  /**
   * Gets the events after a place, by this tab's own feed or by that of another one.
   *
   * @param {string|null} userId the reader; null if unknown: then the tab has a feed of its own
   * @param {string} place where to begin
   */
  async begin(userId, place) {
    this.#userId = userId;
    this.#place = place;
    for (const message of this.#early.splice(0)) this.#heard(message);
    const { signal } = this.#end;
    if (userId === null) await this.#read(signal);
    else if (navigator.locks) await inTurn(`${NAME} ${userId}`, () => this.#read(signal), signal);
    else await whileVisible((hidden) => this.#read(hidden), signal);
  }

  end() {
    this.#end.abort();
    this.#channel.close();
  }

  async #read(signal) {
    const share = (event) => {
      this.#take(event);
      if (!this.#end.signal.aborted) this.#channel.postMessage({ userId: this.#userId, event });
    };
    await readFeed(this.#api, this.#place, share, signal);
  }

  #heard({ userId, event }) {
    // Another reader may have signed in in another tab.
    if (userId !== null && userId === this.#userId) this.#take(event);
  }

  #take(event) {
    // If the tab that reads is closed, this one goes on from here.
    this.#place = event.place;
    this.#onEvent(event);
  }
}

/** Waits until no other tab reads, and reads until the end. */
async function inTurn(name, read, signal) {
  try {
    await navigator.locks.request(name, { signal }, read);
  } catch (failure) {
    if (!signal.aborted) throw failure;
  }
}

/** Reads while the tab is seen. At http:// addresses of other hosts, browsers let no tab know which other one reads. */
async function whileVisible(read, signal) {
  while (!signal.aborted) {
    const hidden = new AbortController();
    const check = () => document.hidden && hidden.abort();
    document.addEventListener("visibilitychange", check);
    if (!document.hidden) await read(AbortSignal.any([signal, hidden.signal]));
    document.removeEventListener("visibilitychange", check);
    if (!signal.aborted && !hidden.signal.aborted && !document.hidden) return;
    await new Promise((resolve) => {
      document.addEventListener("visibilitychange", resolve, { once: true, signal });
      signal.addEventListener("abort", resolve, { once: true });
    });
  }
}
