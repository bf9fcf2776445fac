// A provider with the device flow on a free port, for `aftercall login`. It says its address first. Then it takes
// `{ "seconds": N }`: access tokens end after so many from now on. It answers with the same.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";
import { hear, say } from "./conversation.mjs";

// The provider's own lines are no messages for the test.
console.info = () => {};
let seconds = 300;
const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const server = createServer((request, response) => answer(request, response));
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid: "key-1", use: "sig", alg: "ES256" }] },
  clients: [
    {
      client_id: "aftercall-cli",
      application_type: "native",
      token_endpoint_auth_method: "none",
      grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: "ES256",
    },
  ],
  // Each person is an agent, with the name that was entered.
  extraTokenClaims: (_, token) => ({ preferred_username: token.accountId, roles: ["calls-agent"] }),
  rotateRefreshToken: true,
  features: {
    deviceFlow: { enabled: true },
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
// The provider names no interval, which means five seconds.
provider.use(async (context, next) => {
  await next();
  if (context.body?.device_code) context.body = { ...context.body, interval: 1 };
});
const answer = provider.callback();
say(issuer);
for (let asked = await hear(); asked; asked = await hear()) {
  seconds = asked.seconds;
  say(asked);
}
process.exit(0);
