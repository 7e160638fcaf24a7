/**
 * The guard: a small process that starts the servers for a script and sees to it that none outlives the script.
 *
 * It talks with the script over the IPC channel. When that channel closes, the script is gone, also after a kill -9,
 * and the guard stops everything in the reverse order of starting: first the mail server, drained, then the databases.
 * Guard and servers run in process groups of their own, so that Ctrl-C reaches the script alone and the order holds.
 * Should the guard itself be killed, then the script stops the servers (children.mjs), the mail server sees the end of
 * its standard input, and Linux sends SIGTERM to all of them (setpriv --pdeathsig).
 *
 * Messages in: {start: Spec}, {stop: true}, {hurry: true}. Out: {started, pid}, {exited, code, signal}, {failed, message}.
 */

import { spawn } from 'node:child_process';
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { dyingWithParent } from './die-with-parent.mjs';
import { identify, signal } from './processes.mjs';

/**
 * @typedef {object} Spec
 * @property {string} name
 * @property {string} command
 * @property {string[]} args
 * @property {string} [cwd]
 * @property {Record<string, string>} [env] added to the environment
 * @property {string} [logFile] takes the output, which is otherwise that of the script
 * @property {boolean} [isDatabase] it is waited for even when the user presses Ctrl-C twice
 * @property {number} stopLimitMs how long it may take to end after SIGTERM
 */

const pidFile = process.argv[2] || undefined;
const removeAtEnd = process.argv[3] || undefined;
/** @type {{spec: Spec, child: import('node:child_process').ChildProcess, ended: Promise<void>, running: boolean}[]} */
const running = [];
let stopping = false;

process.on('message', (message) => {
  if (message.start && !stopping) start(message.start);
  if (message.stop) stopAll();
  if (message.hurry) killLast();
});
process.on('disconnect', stopAll);
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, stopAll);

/** @param {Spec} spec */
function start(spec) {
  const log = spec.logFile ? openSync(spec.logFile, 'a') : 'inherit';
  const child = spawn(...dyingWithParent(spec.command, spec.args), {
    cwd: spec.cwd,
    env: { ...process.env, ...spec.env },
    stdio: ['pipe', log, log],
    detached: true,
  });
  if (log !== 'inherit') closeSync(log);
  child.stdin.on('error', () => undefined);
  child.on('error', (error) => tell({ failed: spec.name, message: error.message }));
  if (!child.pid) return;
  const entry = { spec, child, running: true, ended: Promise.resolve() };
  entry.ended = new Promise((resolve) => {
    child.on('exit', (code, bySignal) => {
      entry.running = false;
      // What the child itself had started and left behind is in its group.
      signal(-child.pid, 'SIGKILL');
      tell({ exited: spec.name, code, signal: bySignal });
      resolve();
    });
  });
  running.push(entry);
  remember();
  tell({ started: spec.name, pid: child.pid });
}

async function stopAll() {
  if (stopping) return;
  stopping = true;
  for (const entry of running.toReversed()) await stopOne(entry);
  if (pidFile) rmSync(pidFile, { force: true });
  if (removeAtEnd) rmSync(removeAtEnd, { recursive: true, force: true, maxRetries: 3 });
  process.exit(0);
}

async function stopOne({ spec, child, ended, running: isUp }) {
  if (!isUp) return;
  signal(child.pid, 'SIGTERM');
  const timer = setTimeout(() => signal(-child.pid, 'SIGKILL'), spec.stopLimitMs);
  await ended;
  clearTimeout(timer);
}

/** The user pressed Ctrl-C again: what is being waited for is not asked any more. The databases are. */
function killLast() {
  const last = running.findLast((entry) => entry.running);
  if (stopping && last && !last.spec.isDatabase) signal(-last.child.pid, 'SIGKILL');
}

/** For the next start on the same data, should guard and script both be killed: see leftovers.mjs. */
function remember() {
  if (!pidFile) return;
  const processes = running
    .filter((entry) => entry.running)
    .map(({ spec, child }) => ({ name: spec.name, ...identify(child.pid) }));
  writeFileSync(pidFile, `${JSON.stringify(processes, null, 2)}\n`);
}

function tell(message) {
  if (process.connected) process.send(message, () => undefined);
}
