// Logs in at the pages of a provider of the tests, as somebody, and agrees to all. `isOver` says whether the browser has left them.
export async function logIn(page, name, isOver) {
  const steps = [];
  while (!(await isOver())) {
    steps.push(await page.title());
    if (steps.length > 5) throw new Error(`the login does not end: ${steps.join(", ")}`);
    const field = page.locator("input[name=login]");
    if (await field.count()) {
      await field.fill(name);
      await page.locator("input[name=password]").fill("any");
    }
    const next = page.locator("button[autofocus], button[type=submit]").first();
    // The window of a sign-in closes at its end.
    await Promise.all([Promise.race([page.waitForNavigation(), page.waitForEvent("close")]), next.click()]);
  }
  return steps;
}

/** The pages of the provider want a font of the web. */
export const isForeign = (url) => !["127.0.0.1", "localhost"].includes(url.hostname);
