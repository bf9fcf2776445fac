// How the Node examples reach a server: plain text or TLS, and with a token that proves who is asking.
// AFTERCALL_CA_FILE names a private certificate authority. A token comes from a file (AFTERCALL_TOKEN_FILE), or from an OpenID provider
// (AFTERCALL_TOKEN_URL, AFTERCALL_CLIENT_ID, AFTERCALL_CLIENT_SECRET_FILE, AFTERCALL_SCOPE).
import { readFileSync } from "node:fs";
import { ConnectError } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";

/** The token of a file. It is read for each call, so a renewed token is used at once. */
export class TokenFile {
  constructor(file) {
    this.file = file;
  }

  async token() {
    return readFileSync(this.file, "utf8").trim();
  }

  /** Notes that a server refuses the last token. */
  invalidate() {}
}

/** Tokens of an OpenID provider for a program, by its client credentials. Each is used for the first 80 % of its time. */
export class IssuedTokens {
  constructor(url, clientId, secretFile, scope) {
    Object.assign(this, { url, clientId, secretFile, scope, issuing: undefined, renewAt: 0 });
  }

  token() {
    if (performance.now() >= this.renewAt) {
      this.renewAt = Infinity; // calls that wait share one renewal
      this.issuing = this.issue().catch((error) => {
        this.invalidate();
        throw error;
      });
    }
    return this.issuing;
  }

  invalidate() {
    this.renewAt = 0;
  }

  async issue() {
    const secret = readFileSync(this.secretFile, "utf8").trim();
    const body = new URLSearchParams({ grant_type: "client_credentials", client_id: this.clientId, client_secret: secret });
    if (this.scope) body.set("scope", this.scope);
    const answer = await fetch(this.url, { method: "POST", body, signal: AbortSignal.timeout(10_000) });
    if (!answer.ok) throw new Error(`${this.url} gives no token: ${answer.status}`);
    const { access_token: token, expires_in: seconds = 60 } = await answer.json();
    this.renewAt = performance.now() + 800 * seconds;
    return token;
  }
}

/** Whether a server refuses the token because it has expired. The source of the tokens may have a newer one. */
export function isExpired(error) {
  const details = ConnectError.from(error).details;
  return details.some((one) => one.type === "google.rpc.ErrorInfo" && Buffer.from(one.value).includes("TOKEN_EXPIRED"));
}

/** Where the tokens come from; undefined where no variable names a source. */
export function tokenSource() {
  const { AFTERCALL_TOKEN_FILE: file, AFTERCALL_TOKEN_URL: url } = process.env;
  const { AFTERCALL_CLIENT_ID: id, AFTERCALL_CLIENT_SECRET_FILE: secretFile, AFTERCALL_SCOPE: scope } = process.env;
  return file ? new TokenFile(file) : url ? new IssuedTokens(url, id, secretFile, scope) : undefined;
}

/** Sends a token with each call. A call whose token has expired is sent again with another one; a stream is resumed by its reader. */
function proof(tokens) {
  return (next) => async (request) => {
    const send = async () => {
      request.header.set("authorization", `Bearer ${await tokens.token()}`);
      return next(request);
    };
    try {
      return await send();
    } catch (error) {
      if (!isExpired(error)) throw error;
      tokens.invalidate();
      if (request.stream) throw error;
      return send();
    }
  };
}

/** A transport to a server at `HOST:PORT` or `http://HOST:PORT` for plain text, `https://HOST:PORT` for TLS. */
export function connect(address, { tokens = tokenSource(), ...options } = {}) {
  const ca = process.env.AFTERCALL_CA_FILE;
  const baseUrl = address.includes("://") ? address : `http://${address}`;
  const { protocol, hostname } = new URL(baseUrl);
  if (tokens && protocol === "http:" && !["127.0.0.1", "[::1]", "localhost"].includes(hostname)) {
    throw new Error(`${baseUrl} is plain text on a network, where others could read the token: write https://`);
  }
  const nodeOptions = ca ? { ca: readFileSync(ca) } : {};
  return createGrpcTransport({ baseUrl, nodeOptions, interceptors: tokens ? [proof(tokens)] : [], ...options });
}
