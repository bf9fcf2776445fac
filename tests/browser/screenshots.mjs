// Makes the pictures of the README: starts the demo, waits until the board has enough rows, opens one of them, and takes a picture in light
// and in dark colours. Arguments: the program, and the folder of the pictures.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { launch } from "./launch.mjs";

const ROWS = 14;
const [program, folder] = process.argv.slice(2);
const data = mkdtempSync(join(tmpdir(), "aftercall-screenshots-"));
const options = ["demo", "--data-dir", join(data, "demo"), "--calls-per-minute", "240", "--listen", "127.0.0.1:0", "--alerter-listen", "127.0.0.1:0"];
const demo = spawn(program, options, { env: { ...process.env, AFTERCALL_CALL_MANAGER_LISTEN: "127.0.0.1:0" }, stdio: ["ignore", "ignore", "pipe"] });
try {
  let url;
  for await (const line of createInterface({ input: demo.stderr })) {
    url = line.match(/http:\/\/[\d.:]+\//)?.[0];
    if (url) break;
  }
  demo.stderr.resume();
  const browser = await launch();
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB", timezoneId: "Europe/London" });
  const page = await context.newPage();
  await page.goto(url);
  await page.waitForSelector(`.line.live >> visible=true`);
  await page.waitForFunction((rows) => document.querySelectorAll("#list .row").length >= rows, ROWS, { timeout: 120_000 });
  await page.locator("#list .row a.who").nth(2).click();
  await page.locator("#panel article").waitFor();
  await page.mouse.move(2, 2);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.screenshot({ path: join(folder, `board-${colorScheme}.png`) });
  }
  await browser.close();
} finally {
  demo.kill("SIGTERM");
  await new Promise((resolve) => demo.on("exit", resolve));
  rmSync(data, { recursive: true, force: true });
}
