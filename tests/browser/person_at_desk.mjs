// A person at the Call Manager page: takes one step after the other, and answers with what the page shows.
//
//   { do, selector, text }
// Each step waits until its element is there. `errors` has what the page's scripts reported.
import { hear, say } from "./conversation.mjs";
import { launch } from "./launch.mjs";

const browser = await launch();
const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, timezoneId: "Europe/Berlin" });
context.setDefaultTimeout(20_000);
let page = await context.newPage();
const errors = [];
const watch = (page) => page.on("pageerror", (error) => errors.push(error.message));
watch(page);

/** Whether somebody looks at the tab. A browser without a window shows all of its tabs. */
function look(isHidden) {
  Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
  return true;
}

/** Sound that is counted and not heard. Like a browser's, it wants a click first. This runs in the page. */
function countSounds() {
  window.beeps = 0;
  const node = () => ({ connect: (to) => to, frequency: {}, gain: { setValueAtTime() {}, exponentialRampToValueAtTime() {} }, stop() {} });
  window.AudioContext = class extends EventTarget {
    state = "suspended";
    currentTime = 0;
    createGain = node;
    createOscillator = () => ({ ...node(), start: () => { window.beeps += 1; } });
    async resume() {
      if (!navigator.userActivation.hasBeenActive) return;
      this.state = "running";
      this.dispatchEvent(new Event("statechange"));
    }
  };
}

const steps = {
  goto: ({ text }) => page.goto(text).then((answer) => answer.status()),
  reload: () => page.reload().then(() => page.waitForSelector(".line.live")).then(() => true),
  tab: async ({ text }) => {
    page = await context.newPage();
    watch(page);
    await page.goto(text);
    return true;
  },
  click: ({ selector }) => page.locator(selector).first().click().then(() => true),
  choose: ({ selector, text }) => page.locator(selector).first().selectOption(text).then(() => true),
  // Presses on one element and releases on another.
  slip: async ({ selector, text }) => {
    for (const [name, act] of [[selector, "down"], [text, "up"]]) {
      await page.locator(name).first().hover();
      await page.mouse[act]();
    }
    return true;
  },
  // A tab of a browser without scripts.
  plain: async ({ text }) => {
    const plain = await browser.newContext({ javaScriptEnabled: false });
    page = await plain.newPage();
    return (await page.goto(text)).status();
  },
  back: () => page.goBack().then(() => true),
  // Goes to a tab by its number, from 0.
  turn: async ({ text }) => {
    page = context.pages()[Number(text)];
    await page.bringToFront();
    return true;
  },
  close: async () => {
    await page.close({ runBeforeUnload: false });
    page = context.pages()[0];
    return true;
  },
  hide: () => page.evaluate(look, true),
  look: () => page.evaluate(look, false),
  titled: ({ text }) => page.waitForFunction((text) => document.title.startsWith(text), text).then(() => true),
  icon: () => page.locator("link[rel=icon]").getAttribute("href"),
  listen: () => context.addInitScript(countSounds).then(() => true),
  beeps: () => page.evaluate(() => window.beeps),
  clock: () => page.clock.install().then(() => true),
  later: ({ text }) => page.clock.fastForward(Number(text) * 1000).then(() => true),
  shift: ({ selector }) => page.locator(selector).first().click({ modifiers: ["Shift"] }).then(() => true),
  checked: ({ selector }) => page.locator(selector).first().isChecked(),
  hover: ({ selector }) => page.locator(selector).first().hover().then(() => true),
  away: () => page.mouse.move(2, 2).then(() => true),
  fill: ({ selector, text }) => page.locator(selector).first().fill(text).then(() => true),
  press: ({ text }) => page.keyboard.press(text).then(() => true),
  // Not innerText: a row that is not drawn yet has none.
  text: ({ selector }) => page.locator(selector).first().textContent(),
  reads: ({ selector, text }) => page.locator(selector).filter({ hasText: text }).first().waitFor().then(() => true),
  attribute: ({ selector, text }) => page.locator(selector).first().getAttribute(text),
  status: ({ text }) => context.request.get(text, { headers: { "x-fragment": "1" } }).then((answer) => answer.status()),
  value: ({ selector }) => page.locator(selector).first().inputValue(),
  wait: ({ selector }) => page.locator(selector).first().waitFor().then(() => true),
  exists: ({ selector }) => page.locator(selector).first().waitFor({ state: "attached" }).then(() => true),
  gone: ({ selector }) => page.locator(selector).first().waitFor({ state: "detached" }).then(() => true),
  rows: () => page.locator("#list .row:visible").evaluateAll((rows) => rows.map((row) => row.dataset.id)),
  focused: () => page.evaluate(() => document.activeElement?.closest(".row")?.dataset.id ?? ""),
  runs: ({ text }) => page.evaluate((name) => name in window, text),
  // A page of a browser that runs no scripts.
  plain: async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 1280, height: 900 } });
    plain.setDefaultTimeout(20_000);
    page = await plain.newPage();
    return true;
  },
  choose: ({ selector, text }) => page.locator(selector).first().selectOption(text).then(() => true),
  check: ({ selector }) => page.locator(selector).first().check().then(() => true),
  upload: ({ selector, text }) =>
    page.locator(selector).first().setInputFiles({ name: "file.yaml", mimeType: "text/plain", buffer: Buffer.from(text) }).then(() => true),
  // How many texts the browser keeps for the person.
  drafts: () => page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith("draft ")).length),
  count: ({ selector }) => page.locator(selector).count(),
  // A form that no page has shown, sent by the browser of the person.
  forge: async ({ selector, text }) => {
    const form = Object.fromEntries(new URLSearchParams(text));
    const answer = await page.request.post(selector, { headers: { origin: new URL(selector).origin }, form, maxRedirects: 0 });
    return [answer.status(), await answer.text()];
  },
  address: async () => page.url(),
  errors: async () => errors,
};

for (let step = await hear(); step; step = await hear()) {
  try {
    say({ seen: await steps[step.do](step) });
  } catch (error) {
    say({ failed: `${step.do} ${step.selector ?? ""}: ${error.message}` });
  }
}
await browser.close();
process.exit(0);
