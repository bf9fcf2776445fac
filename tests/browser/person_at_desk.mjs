// A person at the Call Manager page: takes one step after the other, and answers with what the page shows.
//
//   { do, selector, text }
// Each step waits until its element is there. `errors` has what the page's scripts reported.
import { hear, say } from "./conversation.mjs";
import { everyone } from "./everyone.mjs";
import { launch } from "./launch.mjs";
import { isForeign, logIn } from "./login.mjs";
import { speed } from "./speed.mjs";

/** How long a step may take. Two browsers and the servers of debug builds share the processors with others. */
const STEP_MAX_MS = 60_000;

const browser = await launch();
const errors = [];
const watch = (page) => page.on("pageerror", (error) => errors.push(error.message));
let [context, page] = [];

/** A browser of somebody else, perhaps in another language or on a telephone. */
async function open(locale, options = {}) {
  await context?.close();
  context = await browser.newContext({ viewport: { width: 1280, height: 900 }, timezoneId: "Europe/Berlin", locale, ...options });
  context.setDefaultTimeout(STEP_MAX_MS);
  await context.route(isForeign, (route) => route.abort());
  page = await context.newPage();
  watch(page);
}
await open("en-GB");

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

/** Notices of the system, which are kept and not shown. A person may decline them. This runs in the page. */
function keepNotices(isDeclined) {
  window.notices = [];
  window.Notification = class extends EventTarget {
    static permission = "default";
    static async requestPermission() {
      this.permission = navigator.userActivation.isActive && !isDeclined ? "granted" : "denied";
      return this.permission;
    }
    constructor(title, { body }) {
      super();
      window.notices.push(`${title}: ${body}`);
    }
    close() {}
  };
}

const steps = {
  ...everyone(() => page),
  ...speed(() => page),
  language: ({ text }) => open(text).then(() => true),
  // A telephone with a small screen, on which people tap. `tap` answers with the size of what was tapped.
  phone: () => open("en-GB", { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true }).then(() => true),
  tap: async ({ selector }) => {
    const target = page.locator(selector).first();
    await target.scrollIntoViewIfNeeded();
    const { width, height } = await target.boundingBox();
    await target.tap();
    return [width, height];
  },
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
  // Presses on an element, and holds. `release` lets go, wherever the pointer is then.
  hold: async ({ selector }) => {
    await page.locator(selector).first().hover();
    await page.mouse.down();
    return true;
  },
  release: () => page.mouse.up().then(() => true),
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
  notices: () => page.evaluate(() => window.notices),
  notice: ({ text }) => context.addInitScript(keepNotices, text === "declined").then(() => true),
  style: ({ selector, text }) => page.locator(selector).first().evaluate((element, name) => getComputedStyle(element).getPropertyValue(name), text),
  // What a time shows, and how many seconds are left until it by the clock of the page.
  time_left: ({ selector }) => page.locator(selector).first().evaluate((time) => [time.textContent, (Date.parse(time.dateTime) - Date.now()) / 1000]),
  // Scrolls to a height; `scrolled` waits until the page is there.
  scroll: ({ text }) => page.evaluate((y) => scrollTo(0, y), Number(text)).then(() => true),
  scrolled: ({ text }) => page.waitForFunction((y) => Math.abs(scrollY - y) < 100, Number(text)).then(() => true),
  beeps: () => page.evaluate(() => window.beeps),
  clock: () => page.clock.install().then(() => true),
  later: ({ text }) => page.clock.fastForward(Number(text) * 1000).then(() => true),
  shift: ({ selector }) => page.locator(selector).first().click({ modifiers: ["Shift"] }).then(() => true),
  checked: ({ selector }) => page.locator(selector).first().isChecked(),
  hover: ({ selector }) => page.locator(selector).first().hover().then(() => true),
  away: () => page.mouse.move(2, 2).then(() => true),
  fill: ({ selector, text }) => page.locator(selector).first().fill(text).then(() => true),
  focus: ({ selector }) => page.locator(selector).first().focus().then(() => true),
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
  // A page of a browser that runs no scripts, at an address if one is given.
  plain: async ({ text }) => {
    const plain = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 1280, height: 900 } });
    plain.setDefaultTimeout(STEP_MAX_MS);
    page = await plain.newPage();
    return text ? (await page.goto(text)).status() : true;
  },
  check: ({ selector }) => page.locator(selector).first().check().then(() => true),
  uncheck: ({ selector }) => page.locator(selector).first().uncheck().then(() => true),
  upload: ({ selector, text }) =>
    page.locator(selector).first().setInputFiles({ name: "file.yaml", mimeType: "text/plain", buffer: Buffer.from(text) }).then(() => true),
  // All drafts that the browser keeps.
  kept: () => page.evaluate(() => Object.entries(localStorage).filter(([key]) => key.startsWith("draft ")).map(([, text]) => text).join()),
  // How many texts the browser keeps for the person.
  drafts: () => page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith("draft ")).length),
  // How many keys of what the browser keeps begin so.
  stored: ({ text }) => page.evaluate((text) => Object.keys(localStorage).filter((key) => key.startsWith(text)).length, text),
  count: ({ selector }) => page.locator(selector).count(),
  // A form that no page has shown, sent by the browser of the person.
  forge: async ({ selector, text }) => {
    const form = Object.fromEntries(new URLSearchParams(text));
    const answer = await page.request.post(selector, { headers: { origin: new URL(selector).origin }, form, maxRedirects: 0 });
    return [answer.status(), await answer.text()];
  },
  address: async () => page.url(),
  errors: async () => errors,
  picture: ({ text }) => page.screenshot({ path: text }).then(() => true),
  // What the page's scripts would be answered.
  ask: ({ text }) => page.evaluate((path) => fetch(path, { headers: { "x-fragment": "1" } }).then((answer) => answer.status), text),
  cookie: async () => (await context.cookies()).find(({ name }) => name === "aftercall_session")?.value ?? "",
  // Whether the network is there.
  network: ({ text }) => context.setOffline(text === "off").then(() => true),
  // The page has no shared worker, and its clock can be set forward.
  clocked: async ({ text }) => {
    await page.addInitScript(() => delete window.SharedWorker);
    await page.clock.install();
    return page.goto(text).then((answer) => answer.status());
  },
  woken: () => page.evaluate(() => document.dispatchEvent(new Event("visibilitychange"))),
  // Opens so many more tabs. Then each step `everywhere` waits for an element in each.
  tabs: async ({ text }) => {
    const url = page.url();
    for (let count = Number(text); count > 0; count -= 1) {
      const tab = await context.newPage();
      watch(tab);
      await tab.goto(url);
    }
    return context.pages().length;
  },
  everywhere: ({ selector }) => Promise.all(context.pages().map((tab) => tab.locator(selector).first().waitFor({ state: "attached" }))).then(() => true),
  // A reload would forget it.
  remember: ({ text }) => page.evaluate((name) => Boolean((window[name] = true)), text),
  // Clicks what opens a window, unless the page has opened it. The next steps are about it.
  popup: async ({ selector }) => {
    if (context.pages().length === 1) await Promise.all([context.waitForEvent("page"), page.locator(selector).first().click()]);
    page = context.pages().at(-1);
    watch(page);
    return true;
  },
  // The window closes, or is closed; the next steps are about the page before.
  popped: async ({ text }) => {
    if (text === "alone" && !page.isClosed()) await page.waitForEvent("close");
    else if (!page.isClosed()) await page.close();
    [page] = context.pages();
    return true;
  },
  // Logs in at an OpenID provider, whose pages the browser shows, until it is back.
  login: ({ text }) => logIn(page, text, async () => page.isClosed() || !/^\/(auth|interaction)/.test(new URL(page.url()).pathname)),
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
