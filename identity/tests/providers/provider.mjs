// A provider of tokens on a free port. Commands on stdin, one a line, and one line of answer each:
// `token` issues an access token, `rotate` replaces the key, `down` refuses all requests.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

let keys = 0;
let down = false;
let answer;

function key() {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  keys += 1;
  return { ...privateKey.export({ format: "jwk" }), kid: `key-${keys}`, use: "sig", alg: "ES256" };
}

const resource = {
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
};

function start(issuer) {
  const provider = new Provider(issuer, {
    jwks: { keys: [key()] },
    ttl: { ClientCredentials: 300 },
    clients: [
      {
        client_id: "script-1",
        client_secret: "of-the-test",
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: "ES256",
        token_endpoint_auth_method: "client_secret_post",
      },
    ],
    extraTokenClaims: () => ({ roles: ["calls-script"] }),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: resource,
    },
  });
  answer = provider.callback();
}

const server = createServer((request, response) => {
  if (down) {
    request.socket.destroy();
  } else {
    answer(request, response);
  }
});

server.listen(0, "127.0.0.1", async () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  start(issuer);
  console.log(issuer);
  for await (const command of createInterface({ input: process.stdin })) {
    if (command === "token") {
      const body = new URLSearchParams({
        grant_type: "client_credentials",
        client_id: "script-1",
        client_secret: "of-the-test",
        scope: "calls",
      });
      const got = await (await fetch(`${issuer}/token`, { method: "POST", body })).json();
      console.log(got.access_token ?? JSON.stringify(got));
    } else if (command === "rotate") {
      start(issuer);
      console.log("rotated");
    } else if (command === "down") {
      down = true;
      console.log("down");
    }
  }
  process.exit(0);
});
