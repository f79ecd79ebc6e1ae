// Signs the reader in with a token: a pasted one, one that a one-time code is exchanged for, or that of another tab.
import { keep, kept } from "../state/tab-storage.js";
import { TokenSession } from "./sessions.js";

/** What a browser can send in the header, with or without the words in front of it. */
const PASTED = /^\s*(?:Authorization: *)?(?:Bearer +)?([\x21-\x7e]+)\s*$/i;
const CODE = /^#code=([A-Za-z0-9_-]{16,200})$/;

/** Several services may be behind different paths of one host. */
const CHANNEL = `chatcore-token ${new URL(".", document.baseURI).pathname}`;
/** So long a tab waits for what other tabs answer. */
const ANSWER_MS = 150;

export class SignInByToken {
  #exchangeUrl;
  #tabs = new BroadcastChannel(CHANNEL);

  constructor({ exchange_url }) {
    this.#exchangeUrl = exchange_url ?? null;
    this.#tabs.onmessage = ({ data }) => {
      const token = kept("token");
      if (data.asks && token !== null) this.#tabs.postMessage({ token });
    };
  }

  /** How the reader signs in, for the view. */
  kind = "token";

  /** Whether the reader has signed in just now, and not before a reload. */
  isNew = false;

  /**
   * Returns the session of a one-time code in the address, of an earlier page in this tab, or of other tabs; null if there
   * is none.
   *
   * @throws {CodeRefused} the code is not valid any more
   */
  async resume() {
    const code = takeCode();
    if (code && this.#exchangeUrl) {
      this.#keepToken(await exchanged(this.#exchangeUrl, code));
      this.isNew = true;
    }
    if (kept("token") === null && kept("signed-out") === null) keep("token", await this.#tokenOfOtherTabs());
    const token = kept("token");
    return token === null ? null : new TokenSession(token, forget);
  }

  /**
   * Returns the session of a pasted token, or of a pasted header with one.
   *
   * @throws {Error} the text cannot be a token
   */
  async begin(text) {
    const [, token] = PASTED.exec(text) ?? [];
    if (token === undefined) throw new Error("This is not a token: tokens have no spaces and no special characters.");
    this.#keepToken(token);
    this.isNew = true;
    return this.resume();
  }

  #keepToken(token) {
    keep("token", token);
    keep("signed-out", null);
  }

  /** Returns the token of the other tabs in this browser; null if none is signed in, or if their readers are several. */
  async #tokenOfOtherTabs() {
    const tokens = new Set();
    const hear = ({ data }) => data.token && tokens.add(data.token);
    this.#tabs.addEventListener("message", hear);
    this.#tabs.postMessage({ asks: true });
    await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
    this.#tabs.removeEventListener("message", hear);
    return tokens.size === 1 ? [...tokens][0] : null;
  }
}

/** Forgets the token. Whoever signs out is not signed in again by another tab. */
function forget() {
  keep("token", null);
  keep("signed-out", true);
}

/** Reports that a one-time code was used or has expired. */
export class CodeRefused extends Error {}

/** Returns the code in the address, and removes it from there and from the history. */
function takeCode() {
  const code = CODE.exec(location.hash)?.[1] ?? null;
  if (code !== null) history.replaceState(null, "", location.pathname + location.search);
  return code;
}

async function exchanged(url, code) {
  let response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ code }),
      credentials: "omit",
    });
  } catch (failure) {
    throw new CodeRefused("The address to sign in at cannot be reached.", { cause: failure });
  }
  if (!response.ok) throw new CodeRefused("This address was already used, or is too old.");
  return (await response.json()).token;
}
