// Runs oidc-provider as the issuer of the tests. The variable ISSUER has the port and the private keys, as JSON.
//
// A page may request an access token for the resource `urn:<audience>:<algorithm>`: a JWT for this audience, signed by
// this algorithm. Every name is an account, and `root` is in the group `admins`.

import Provider from "oidc-provider";

const { port, keys } = JSON.parse(process.env.ISSUER);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "page",
      application_type: "native",
      token_endpoint_auth_method: "none",
      redirect_uris: ["http://127.0.0.1/callback"],
    },
  ],
  cookies: { keys: ["a key for cookies"] },
  jwks: { keys },
  scopes: ["openid", "chat"],
  findAccount: (_context, name) => ({ accountId: name, claims: () => ({ sub: name }) }),
  extraTokenClaims: (_context, { accountId }) => ({
    email: `${accountId}@chat.test`,
    email_verified: true,
    groups: accountId === "root" ? ["users", "admins"] : ["users"],
  }),
  features: {
    // Pages for signing in and for consent, which accept any password.
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_context, resource) => {
        const [, audience, alg] = resource.split(":");
        return { scope: "chat", audience, accessTokenFormat: "jwt", accessTokenTTL: 60, jwt: { sign: { alg } } };
      },
    },
  },
});

provider.listen(port, "127.0.0.1", () => console.log("listening"));
