// Steps that measure the page.

/** How often the page is opened. */
const LOOKS = 9;

/** The steps, for the page that is open now. */
export const speed = (page) => {
  let network;
  const metrics = async () => Object.fromEntries((await network.send("Performance.getMetrics")).metrics.map(({ name, value }) => [name, value]));
  const heap = async () => {
    await network.send("HeapProfiler.collectGarbage");
    const { JSHeapUsedSize, Nodes } = await metrics();
    return { bytes: JSHeapUsedSize, nodes: Nodes };
  };
  return {
    // Opens an address: the bytes of the first view, compressed, and the median of the ms after which it was drawn.
    first_view: async ({ text }) => {
      // Before the tools of the browser watch: they take as long as the page.
      const drawn = [];
      for (let look = 0; look < LOOKS; look++) {
        await page().goto(text);
        await page().waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length);
        drawn.push(await page().evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
      }
      drawn.sort((one, other) => one - other);
      network = await page().context().newCDPSession(page());
      for (const part of ["Network", "Performance", "HeapProfiler"]) await network.send(`${part}.enable`);
      let bytes = 0;
      network.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
      await page().goto(text);
      return { bytes, millis: drawn[(LOOKS - 1) / 2] };
    },
    // Waits until so many rows are there.
    filled: ({ text }) => page().waitForFunction((rows) => document.querySelectorAll("#list .row").length === rows, Number(text)).then(() => true),
    // Begins to note when each row is there, and each long task.
    measure: async () => {
      await page().evaluate(() => {
        window.measured = { seen: {}, long: [] };
        const note = ({ id, dataset }) => id && (window.measured.seen[`${dataset.id} ${dataset.rev}`] ??= Date.now());
        const rows = new MutationObserver((changes) => changes.forEach(({ addedNodes }) => addedNodes.forEach(note)));
        rows.observe(document.getElementById("list"), { childList: true, subtree: true });
        new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => window.measured.long.push(duration))).observe({ type: "longtask" });
      });
      const { TaskDuration } = await metrics();
      return { ...(await heap()), busy: TaskDuration };
    },
    measured: async () => {
      const { TaskDuration } = await metrics();
      return { ...(await page().evaluate(() => window.measured)), ...(await heap()), busy: TaskDuration };
    },
  };
};
