// Chooses how the reader signs in.
import { SignInByIssuer } from "./by-issuer.js";
import { SignInByProxy } from "./by-proxy.js";
import { SignInByToken } from "./by-token.js";

const METHODS = { token: SignInByToken, oidc: SignInByIssuer, proxy: SignInByProxy };

/** Returns the way to sign in that the service's configuration names. */
export function signInFor(config) {
  return new METHODS[config.method](config);
}
