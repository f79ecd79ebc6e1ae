// Signs the reader in with a token: a pasted one, or one that a one-time code is exchanged for.
import { keep, kept } from "../state/tab-storage.js";
import { TokenSession } from "./sessions.js";

/** What a browser can send in the header, with or without the words in front of it. */
const PASTED = /^\s*(?:Authorization: *)?(?:Bearer +)?([\x21-\x7e]+)\s*$/i;
const CODE = /^#code=([A-Za-z0-9_-]{16,200})$/;

export class SignInByToken {
  #exchangeUrl;

  constructor({ exchange_url }) {
    this.#exchangeUrl = exchange_url ?? null;
  }

  /** How the reader signs in, for the view. */
  kind = "token";

  /**
   * Returns the session of a one-time code in the address or of an earlier page in this tab; null if there is none.
   *
   * @throws {CodeRefused} the code is not valid any more
   */
  async resume() {
    const code = takeCode();
    if (code && this.#exchangeUrl) this.#keepToken(await exchanged(this.#exchangeUrl, code));
    const token = kept("token");
    return token === null ? null : new TokenSession(token, () => keep("token", null));
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
    return this.resume();
  }

  #keepToken(token) {
    keep("token", token);
  }
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
