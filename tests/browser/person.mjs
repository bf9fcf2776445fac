// A person who logs in at a provider: opens an address that the test names, logs in with a name, and agrees to all.
import { hear, say } from "./conversation.mjs";
import { launch } from "./launch.mjs";
import { isForeign, logIn } from "./login.mjs";

const browser = await launch();
for (let asked = await hear(); asked; asked = await hear()) {
  const page = await browser.newPage();
  await page.route(isForeign, (route) => route.abort());
  await page.goto(asked.address);
  const steps = await logIn(page, asked.name, async () => (await page.content()).includes("Sign-in Success"));
  await page.close();
  say({ steps });
}
await browser.close();
process.exit(0);
