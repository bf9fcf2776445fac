// Steps that show whether everybody can use a page: with another width, other colours, the keyboard alone, or a screen reader.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** What axe finds: the rule, and the first elements that break it. */
async function violations(page) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
  const found = await page.evaluate(async (rules) => {
    const options = { runOnly: rules, resultTypes: ["violations"] };
    const { violations } = await window.axe.run(document, options);
    const shown = ({ html, failureSummary }) => `${html.slice(0, 200)}: ${failureSummary.split("\n").slice(1, 2)}`;
    return violations.map(({ id, nodes }) => `${id} (${nodes.length}): ${nodes.slice(0, 3).map(shown).join(" | ")}`);
  }, RULES);
  return found;
}

/** The steps, for the page that is open now. */
export const everyone = (page) => ({
  // The page at a width, in light or dark colours: what axe finds, and how many pixels it is too wide.
  fits: async ({ selector: colours, text: width }) => {
    // So high that every row is drawn: axe cannot measure what is skipped out of view.
    await page().setViewportSize({ width: Number(width), height: 6_000 });
    await page().emulateMedia({ colorScheme: colours, reducedMotion: "reduce" });
    const isTooWide = await page().evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    return [...(await violations(page())), ...(isTooWide > 0 ? [`${isTooWide} pixels too wide`] : [])];
  },
  // A picture of the part of the page that people see first.
  top: ({ selector: width, text: path }) => page().screenshot({ path, clip: { x: 0, y: 0, width: Number(width), height: 900 } }).then(() => true),
  // What the checks must find.
  spoil: () => page().evaluate(() => {
    const wide = document.createElement("div");
    Object.assign(wide.style, { width: "900px", height: "1px" });
    document.body.append(wide, Object.assign(document.createElement("img"), { src: "data:," }));
    delete window.axe;
  }),
  fade: ({ selector }) => page().locator(selector).first().evaluate((element) => { element.style.opacity = "0.4"; }).then(() => true),
  // Presses Tab until an element has the focus.
  tabTo: async ({ selector }) => {
    for (let presses = 1; presses <= 120; presses += 1) {
      await page().keyboard.press("Tab");
      if (await page().evaluate((selector) => document.activeElement?.matches(selector), selector)) return presses;
    }
    throw new Error("the keyboard does not get there");
  },
  // Presses Tab through the whole page: the controls that it never reaches, and those that do not show the focus.
  tabThrough: async () => {
    await page().evaluate(() => Object.assign(window, { reached: [], faint: [] }));
    for (let presses = 0; presses < 300; presses += 1) {
      await page().keyboard.press("Tab");
      const isOver = await page().evaluate(() => {
        const { reached, faint } = window;
        const at = document.activeElement;
        // A field for a time has the focus for several presses.
        if (at === reached.at(-1)) return false;
        if (at === document.body || reached.includes(at)) return true;
        reached.push(at);
        const shown = at.matches("[type=checkbox], [type=radio]") ? at.closest("label") ?? at : at;
        if (![at, shown].some((one) => getComputedStyle(one).outlineStyle !== "none")) faint.push(at.outerHTML.slice(0, 120));
        return false;
      });
      if (isOver) break;
    }
    return page().evaluate(() => {
      const { reached, faint } = window;
      const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")];
      // Of a group of radio buttons one is reached, and the arrows do the rest.
      const isExpected = (one) => one.checkVisibility({ visibilityProperty: true }) && !one.disabled && one.tabIndex >= 0 && one.type !== "radio";
      const missed = all.filter((one) => isExpected(one) && !reached.includes(one)).map((one) => one.outerHTML.slice(0, 120));
      return { reached: reached.length, missed, faint };
    });
  },
  type: ({ text }) => page().keyboard.type(text).then(() => true),
  has_focus: ({ selector }) => page().waitForFunction((selector) => document.activeElement?.matches(selector), selector).then(() => true),
  // Whether what has the focus shows it.
  outlined: () => page().evaluate(() => getComputedStyle(document.activeElement).outlineStyle !== "none"),
  // Where the parts of an element begin.
  places: ({ selector }) => page().locator(selector).first().evaluate((row) => [...row.children].map((part) => Math.round(part.getBoundingClientRect().x))),
  attribute: ({ selector, text }) => page().locator(selector).first().getAttribute(text),
  visible: ({ selector }) => page().locator(selector).filter({ visible: true }).count(),
});
