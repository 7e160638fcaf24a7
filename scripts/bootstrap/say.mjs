/**
 * What the scripts say, and how they end.
 *
 * One line per fact. A long step shows the seconds on a terminal and prints plain lines elsewhere. An error that the
 * user can mend is a `Halt`: one sentence and exit code 1. Anything else is our fault and keeps its stack.
 */

/** An error for the user to read: its message is one whole sentence. */
export class Halt extends Error {}

let output = process.stdout;
let onlyLongSteps = false;

/** For a command whose own output matters: only long steps are told, and on standard error. */
export function whisper() {
  output = process.stderr;
  onlyLongSteps = true;
}

/**
 * @param {string} text one fact
 */
export function say(text) {
  if (!onlyLongSteps) output.write(`${text}\n`);
}

/**
 * Tells about a step that takes seconds, while it runs and how long it took.
 *
 * @template T
 * @param {string} text what is being done: "building"
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function during(text, work) {
  const startedAt = Date.now();
  const seconds = () => `${((Date.now() - startedAt) / 1000).toFixed(1)} s`;
  if (!output.isTTY) {
    output.write(`${text} ...\n`);
    const result = await work();
    output.write(`${text}: ${seconds()}\n`);
    return result;
  }
  const draw = () => output.write(`\r\x1b[K${text} ... ${seconds()}`);
  draw();
  const timer = setInterval(draw, 200);
  try {
    const result = await work();
    output.write(`\r\x1b[K${text}: ${seconds()}\n`);
    return result;
  } catch (error) {
    output.write('\n');
    throw error;
  } finally {
    clearInterval(timer);
  }
}

/**
 * Runs a whole script and ends the process with its exit code.
 *
 * @param {() => Promise<number>} main gives the exit code
 */
export async function runScript(main) {
  try {
    process.exit(await main());
  } catch (error) {
    console.error(error instanceof Halt ? error.message : error);
    process.exit(1);
  }
}

/**
 * A URL as it may be shown: without its password.
 *
 * @param {string} url
 * @returns {string}
 */
export function withoutPassword(url) {
  return url.replace(/^([a-z+]+:\/\/)[^@/]*@/, '$1***@');
}
