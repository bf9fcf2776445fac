// Starts Chromium without a window, for the scripts in this folder. `tests/tools browser` links it beside their packages.
//
// `names` are the host names of this machine in the browser: all lead to 127.0.0.1, as a page sees that rebinds its name.
// Chromium's own checks of requests to private networks are off: what protects the servers are the servers.
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export function launch({ names = [] } = {}) {
  const rules = names.map((name) => `MAP ${name} 127.0.0.1`).join(",");
  return chromium.launch({
    executablePath: fileURLToPath(new URL("../chromium", import.meta.url)),
    // Root has no sandbox of Chromium.
    chromiumSandbox: process.getuid() !== 0,
    args: [
      "--disable-features=LocalNetworkAccessChecks,PrivateNetworkAccessSendPreflights,BlockInsecurePrivateNetworkRequests",
      ...(rules ? [`--host-resolver-rules=${rules}`] : []),
    ],
  });
}
