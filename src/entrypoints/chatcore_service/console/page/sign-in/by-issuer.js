// Signs the reader in with an OpenID Connect issuer: the code flow with PKCE (RFC 7636), without a secret.
import { keep, kept } from "../state/tab-storage.js";
import { IssuerSession } from "./sessions.js";

export class SignInByIssuer {
  kind = "issuer";
  /** Whether the reader has signed in just now, and not before a reload. */
  isNew = false;
  #issuer;

  /** @param {object} issuer the issuer's endpoints, and what to ask for there, as the service's configuration has them */
  constructor(issuer) {
    this.#issuer = issuer;
  }

  /**
   * Returns the session of the code with which the issuer has sent the reader back, or of an earlier page in this tab.
   *
   * @throws {SignInFailed} the issuer has refused the reader or the code
   */
  async resume() {
    const answer = takeAnswer();
    if (answer !== null) {
      await this.#finish(answer);
      this.isNew = true;
    }
    const tokens = kept("tokens");
    if (tokens === null) return null;
    return new IssuerSession(
      tokens,
      (refreshToken) => this.#obtain({ grant_type: "refresh_token", refresh_token: refreshToken }),
      () => keep("tokens", null),
    );
  }

  /** Sends the reader to the issuer, who sends the reader back. */
  async begin() {
    if (!globalThis.crypto?.subtle) {
      throw new SignInFailed("Browsers sign in at https:// addresses and on this machine only.");
    }
    const attempt = { state: randomText(), verifier: randomText(), fragment: location.hash };
    keep("attempt", attempt);
    const address = new URL(this.#issuer.authorization_endpoint);
    const query = {
      response_type: "code",
      client_id: this.#issuer.client_id,
      redirect_uri: pageAddress(),
      scope: this.#issuer.scope,
      audience: this.#issuer.audience,
      state: attempt.state,
      code_challenge: await challengeOf(attempt.verifier),
      code_challenge_method: "S256",
    };
    for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
    location.assign(address);
  }

  async #finish({ code, state, error }) {
    const attempt = kept("attempt");
    keep("attempt", null);
    // An answer that this tab has not asked for may be somebody else's, who wants the reader in another account.
    if (attempt === null || state !== attempt.state) throw new SignInFailed("The sign-in was begun elsewhere. Try again.");
    if (code === null) throw new SignInFailed(`The sign-in failed: ${error ?? "no code came back"}.`);
    await this.#obtain({
      grant_type: "authorization_code",
      code,
      redirect_uri: pageAddress(),
      code_verifier: attempt.verifier,
    });
    history.replaceState(null, "", location.pathname + attempt.fragment);
  }

  async #obtain(grant) {
    let response;
    try {
      response = await fetch(this.#issuer.token_endpoint, {
        method: "POST",
        body: new URLSearchParams({ client_id: this.#issuer.client_id, ...grant }),
        credentials: "omit",
      });
    } catch (failure) {
      throw new SignInFailed("The sign-in service cannot be reached.", { cause: failure });
    }
    const answer = await response.json().catch(() => ({}));
    if (!response.ok || !answer.access_token) throw new SignInFailed("The sign-in service refused the code. Try again.");
    // An issuer may give a new refresh token each time, or none and mean the old one.
    const tokens = { access: answer.access_token, refresh: answer.refresh_token ?? grant.refresh_token ?? null };
    keep("tokens", tokens);
    return tokens;
  }
}

/** Reports, in a sentence for the reader, that the sign-in failed. */
export class SignInFailed extends Error {}

/** Returns the issuer's answer in the address, and removes it from there and from the history. */
function takeAnswer() {
  const query = new URLSearchParams(location.search);
  if (!query.has("state") || !(query.has("code") || query.has("error"))) return null;
  history.replaceState(null, "", location.pathname + location.hash);
  return { code: query.get("code"), state: query.get("state"), error: query.get("error") };
}

/** Returns the address of this page without query and fragment, at which the issuer sends the reader back. */
function pageAddress() {
  return location.origin + location.pathname;
}

function randomText() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

async function challengeOf(verifier) {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
