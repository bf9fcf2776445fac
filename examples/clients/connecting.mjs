// How the Node examples reach a server: plain text or TLS, and with a token that proves who is asking.
// AFTERCALL_CA_FILE names a private certificate authority, AFTERCALL_TOKEN_FILE a file with the token. The file is read for each call,
// so a renewed token is used at once.
import { readFileSync } from "node:fs";
import { createGrpcTransport } from "@connectrpc/connect-node";

/** A transport to a server at `HOST:PORT` or `http://HOST:PORT` for plain text, `https://HOST:PORT` for TLS. */
export function connect(address, options = {}) {
  const { AFTERCALL_CA_FILE: ca, AFTERCALL_TOKEN_FILE: token } = process.env;
  const baseUrl = address.includes("://") ? address : `http://${address}`;
  const { protocol, hostname } = new URL(baseUrl);
  if (token && protocol === "http:" && !["127.0.0.1", "[::1]", "localhost"].includes(hostname)) {
    throw new Error(`${baseUrl} is plain text on a network, where others could read the token: write https://`);
  }
  const proof = (next) => (request) => {
    request.header.set("authorization", `Bearer ${readFileSync(token, "utf8").trim()}`);
    return next(request);
  };
  const nodeOptions = ca ? { ca: readFileSync(ca) } : {};
  return createGrpcTransport({ baseUrl, nodeOptions, interceptors: token ? [proof] : [], ...options });
}
