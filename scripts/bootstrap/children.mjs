/**
 * The servers of a script, as the script sees them: start, watch, stop, through the guard (guard.mjs).
 *
 * `withChildren` is the frame of every script that runs servers: whatever way it ends (done, an error, Ctrl-C, a server
 * that dies, the guard or npm killed), all servers are stopped before it returns.
 */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { projectDir } from './paths.mjs';
import { commandLine, identify, isRunning, parentOf, stopGroup } from './processes.mjs';
import { Halt, say } from './say.mjs';

/** @typedef {import('./guard.mjs').Spec} Spec */
/** @typedef {{code: number | null, signal: NodeJS.Signals | null}} Exit */

/**
 * Runs `work` with servers that do not outlive it.
 *
 * @param {{pidFile?: string, removeAtEnd?: string}} options `removeAtEnd`: a folder of temporary data
 * @param {(children: Children) => Promise<number>} work gives the exit code
 * @returns {Promise<number | undefined>} the exit code of the work; undefined if a signal or the end of npm stopped it
 */
export async function withChildren(options, work) {
  const children = new Children(options);
  const stopAsked = new Promise((resolve) => {
    let isAsked = false;
    const ask = () => {
      if (isAsked) return children.hurry();
      isAsked = true;
      say('Stopping: what is under way is finished first.');
      resolve(undefined);
    };
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, ask);
    watchNpm(() => resolve(undefined));
  });
  try {
    return await Promise.race([work(children), stopAsked, children.lost]);
  } finally {
    await children.stop();
  }
}

export class Children {
  #guard;
  #guardGone;
  /** @type {Map<string, {spec: Spec, identity: ReturnType<typeof identify>, resolveExit: (exit: Exit) => void}>} */
  #children = new Map();
  #waiting = new Map();
  #loseWith;

  /** Rejects with a Halt when something that must run has ended by itself. @type {Promise<never>} */
  lost;
  isStopping = false;

  /** @param {{pidFile?: string, removeAtEnd?: string}} options */
  constructor({ pidFile = '', removeAtEnd = '' }) {
    this.lost = new Promise((_, reject) => {
      this.#loseWith = (sentence) => reject(new Halt(sentence));
    });
    this.lost.catch(() => undefined);
    const script = join(projectDir, 'scripts', 'bootstrap', 'guard.mjs');
    this.#guard = spawn(process.execPath, [script, pidFile, removeAtEnd], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      detached: true,
    });
    this.#guard.on('message', (message) => this.#hear(message));
    this.#guardGone = new Promise((resolve) => this.#guard.on('exit', resolve));
    this.#guardGone.then(() => {
      if (!this.isStopping) this.#loseWith('The process that guards the servers was killed, so everything is stopped.');
    });
  }

  /**
   * @param {Spec} spec
   * @returns {Promise<{pid: number, exited: Promise<Exit>}>}
   */
  async start(spec) {
    const started = new Promise((resolve, reject) => this.#waiting.set(spec.name, { resolve, reject }));
    let resolveExit;
    const exited = new Promise((resolve) => {
      resolveExit = resolve;
    });
    this.#children.set(spec.name, { spec, identity: undefined, resolveExit });
    this.#guard.send({ start: spec }, () => undefined);
    const pid = await started;
    return { pid, exited };
  }

  /**
   * Halts the script when this child ends by itself.
   *
   * @param {string} name
   * @param {Promise<Exit>} exited
   * @param {string} logFile tells why
   */
  require(name, exited, logFile) {
    exited.then(({ code, signal }) => {
      if (!this.isStopping)
        this.#loseWith(`${name} ended by itself (${signal ?? `exit code ${code}`}): see ${logFile}`);
    });
  }

  /** Stops all, the last one started first. */
  async stop() {
    this.isStopping = true;
    if (this.#guard.connected) this.#guard.send({ stop: true }, () => undefined);
    await this.#guardGone;
    // If the guard was killed, its children are left. The mail server is draining already, having seen the end of its input.
    for (const { spec, identity } of [...this.#children.values()].reverse()) {
      if (identity && isRunning(identity)) await stopGroup(identity, { limitMs: spec.stopLimitMs });
    }
  }

  /** Does not wait any longer for the one that is being stopped. */
  hurry() {
    if (this.#guard.connected) this.#guard.send({ hurry: true }, () => undefined);
  }

  #hear(message) {
    if (message.started) {
      this.#children.get(message.started).identity = identify(message.pid);
      this.#waiting.get(message.started)?.resolve(message.pid);
    }
    if (message.exited) this.#children.get(message.exited)?.resolveExit({ code: message.code, signal: message.signal });
    if (message.failed)
      this.#waiting.get(message.failed)?.reject(new Halt(`${message.failed} cannot be started: ${message.message}`));
  }
}

/** Under `npm start`, a killed npm leaves us alone with nobody's terminal; nothing but a look tells. */
function watchNpm(ended) {
  if (!process.env.npm_lifecycle_event) return;
  let ancestor = process.ppid;
  for (let step = 0; step < 4 && ancestor > 1; step++) {
    const npm = /\bnpm\b/.test(commandLine(ancestor)) ? identify(ancestor) : undefined;
    if (npm) {
      setInterval(() => {
        if (isRunning(npm)) return;
        say('npm has ended, so everything is stopped.');
        ended();
      }, 1_000).unref();
      return;
    }
    ancestor = parentOf(ancestor) ?? 0;
  }
}
