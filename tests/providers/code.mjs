// A provider with the authorization code flow on a free port, for signing in to the Call Manager. It says its address first. Then it takes
//   { seconds, refuses, nonce, page }
// Access tokens end after so many seconds from now on; refresh tokens are refused or not; ID tokens have another nonce than was sent; and the
// address of the page. It answers with the same.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";
import { hear, say } from "./conversation.mjs";

// The provider's own lines are no messages for the test.
console.info = () => {};
let [seconds, refuses, nonce, answer] = [300, false, "", undefined];
const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
// The servers ask for its keys before the address of the page is known. They ask again.
const server = createServer((request, response) => (answer ? answer(request, response) : response.writeHead(503).end()));
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

function provider(page) {
  const made = new Provider(issuer, {
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid: "key-1", use: "sig", alg: "ES256" }] },
    clients: [
      {
        client_id: "call-manager",
        client_secret: "the secret of the page",
        application_type: "web",
        grant_types: ["authorization_code", "refresh_token"],
        redirect_uris: [`${page}/sign-in/back`],
        response_types: ["code"],
        id_token_signed_response_alg: "ES256",
      },
    ],
    // Each person is an agent, with the name that was entered.
    extraTokenClaims: (_, token) => ({ preferred_username: token.accountId, roles: ["calls-agent"] }),
    issueRefreshToken: () => true,
    pkce: { required: () => true },
    rotateRefreshToken: true,
    features: {
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => "urn:aftercall",
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: "calls",
          audience: "aftercall",
          accessTokenFormat: "jwt",
          accessTokenTTL: seconds,
          jwt: { sign: { alg: "ES256" } },
        }),
      },
    },
  });
  made.use(async (context, next) => {
    if (refuses && context.path === "/token") {
      context.status = 400;
      context.body = { error: "invalid_grant" };
      return;
    }
    if (nonce && context.path === "/auth" && context.query.nonce) context.query = { ...context.query, nonce };
    await next();
  });
  return made.callback();
}

say(issuer);
for (let asked = await hear(); asked; asked = await hear()) {
  if (asked.page) answer = provider(asked.page);
  ({ seconds = 300, refuses = false, nonce = "" } = asked);
  say(asked);
}
process.exit(0);
