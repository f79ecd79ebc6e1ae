// What the reader's requests show to the service.

/** Shows a token that does not change. */
export class TokenSession {
  #token;
  #forget;

  /**
   * @param {string} token the bearer token
   * @param {() => void} forget removes the token from where it is kept
   */
  constructor(token, forget) {
    this.#token = token;
    this.#forget = forget;
  }

  async headers() {
    return { Authorization: `Bearer ${this.#token}` };
  }

  /** Returns whether there is a newer token to try after a refusal. */
  async renew() {
    return false;
  }

  end() {
    this.#forget();
  }
}

/** Shows nothing, because a proxy adds who the reader is. */
export class ProxySession {
  async headers() {
    return {};
  }

  async renew() {
    return false;
  }

  end() {}
}

/** Shows an access token of an issuer, and obtains a new one where the issuer has given a refresh token. */
export class IssuerSession {
  #tokens;
  #refresh;
  #forget;
  #renewing = null;

  /**
   * @param {{access: string, refresh: string|null}} tokens what the issuer has given
   * @param {(refreshToken: string) => Promise<object>} refresh obtains new tokens
   * @param {() => void} forget removes the tokens from where they are kept
   */
  constructor(tokens, refresh, forget) {
    this.#tokens = tokens;
    this.#refresh = refresh;
    this.#forget = forget;
  }

  async headers() {
    return { Authorization: `Bearer ${this.#tokens.access}` };
  }

  /** Obtains a new token; requests that are refused meanwhile wait for the same one. */
  async renew() {
    this.#renewing ??= this.#renewOnce().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async #renewOnce() {
    if (!this.#tokens.refresh) return false;
    try {
      this.#tokens = await this.#refresh(this.#tokens.refresh);
      return true;
    } catch {
      return false;
    }
  }

  end() {
    this.#forget();
  }
}
