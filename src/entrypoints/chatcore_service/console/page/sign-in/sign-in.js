// Chooses how the reader signs in.
import { loaded } from "../service/module-loading.js";

const ATTEMPTS = 5;

// Each visit needs one of them.
const METHODS = {
  token: async () => (await import("./by-token.js")).SignInByToken,
  oidc: async () => (await import("./by-issuer.js")).SignInByIssuer,
  proxy: async () => (await import("./by-proxy.js")).SignInByProxy,
};

/** Returns the way to sign in that the service's configuration names. */
export async function signInFor(config) {
  const Method = await loaded(METHODS[config.method], { most: ATTEMPTS });
  return new Method(config);
}
