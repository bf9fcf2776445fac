// A person who logs in at a provider: opens an address that the test names, logs in with a name, and agrees to all.
import { hear, say } from "./conversation.mjs";
import { launch } from "./launch.mjs";

const browser = await launch();
for (let asked = await hear(); asked; asked = await hear()) {
  const page = await browser.newPage();
  // The pages of the provider ask for a font of the web.
  await page.route((url) => !["127.0.0.1", "localhost"].includes(url.hostname), (route) => route.abort());
  await page.goto(asked.address);
  const steps = [];
  while (!(await page.content()).includes("Sign-in Success")) {
    steps.push(await page.title());
    if (steps.length > 5) throw new Error(`the login does not end: ${steps.join(", ")}`);
    const name = page.locator("input[name=login]");
    if (await name.count()) {
      await name.fill(asked.name);
      await page.locator("input[name=password]").fill("any");
    }
    await Promise.all([page.waitForNavigation(), page.locator("button[autofocus], button[type=submit]").first().click()]);
  }
  await page.close();
  say({ steps });
}
await browser.close();
process.exit(0);
