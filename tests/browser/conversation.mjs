// What a script and the test that started it say to each other: one line of JSON at a time.
import { createInterface } from "node:readline";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** The next message of the test; undefined after the last one. */
export async function hear() {
  const { value, done } = await lines.next();
  return done ? undefined : JSON.parse(value);
}

/** Sends a message to the test. */
export function say(message) {
  console.log(JSON.stringify(message));
}
