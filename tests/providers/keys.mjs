// A provider of tokens for programs on a free port, whose keys change. It says its address first. Then it takes
//   { do: "token" }    issues an access token, and answers with it
//   { do: "add" }      signs with a new key from now on, and still publishes the one before
//   { do: "down" }     refuses all connections, until { do: "up" }
// It answers the last three with the same.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";
import { hear, say } from "./conversation.mjs";

// The provider's own lines are no messages for the test.
console.info = () => {};
let [made, keys, isDown, answer] = [0, [], false, undefined];
const server = createServer((request, response) => (isDown ? request.socket.destroy() : answer(request, response)));
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
const client = { client_id: "program-1", client_secret: "of-the-test" };

function addKey() {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  made += 1;
  const key = { ...privateKey.export({ format: "jwk" }), kid: `key-${made}`, use: "sig", alg: "ES256" };
  keys = [key, ...keys].slice(0, 2);
  const provider = new Provider(issuer, {
    jwks: { keys },
    ttl: { ClientCredentials: 300 },
    clients: [
      {
        ...client,
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: "ES256",
        token_endpoint_auth_method: "client_secret_post",
      },
    ],
    extraTokenClaims: () => ({ roles: ["calls-program"] }),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => "urn:aftercall",
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: "calls",
          audience: "aftercall",
          accessTokenFormat: "jwt",
          accessTokenTTL: 300,
          jwt: { sign: { alg: "ES256" } },
        }),
      },
    },
  });
  answer = provider.callback();
}

async function token() {
  const body = new URLSearchParams({ grant_type: "client_credentials", scope: "calls", ...client });
  const got = await (await fetch(`${issuer}/token`, { method: "POST", body })).json();
  return got.access_token ?? got;
}

addKey();
say(issuer);
for (let asked = await hear(); asked; asked = await hear()) {
  if (asked.do === "token") {
    say(await token());
    continue;
  }
  if (asked.do === "add") addKey();
  else isDown = asked.do === "down";
  say(asked);
}
process.exit(0);
