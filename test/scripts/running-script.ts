/**
 * A script of the project as a child process: its output, its end, and what processes it has left.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { projectDir } from './project.ts';

/** A server small enough to show in which order things end; it stands for src/main.ts. */
export const standInServer = join(projectDir, 'test', 'fixtures', 'scripts', 'stand-in-server.mjs');

const limitMs = 60_000;

export interface ScriptEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

/** Runs in a process group of its own, as a command typed in a terminal does. */
export class RunningScript {
  readonly child: ChildProcess;
  readonly ended: Promise<ScriptEnd>;
  output = '';

  constructor(command: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
    const env: NodeJS.ProcessEnv = { ...process.env, ...options.env };
    // Else a node:test run in there would take itself for a part of this one, and npm's names for its own.
    for (const name of Object.keys(env))
      if (
        /^(NODE_TEST_CONTEXT|WAXWING_BUILD_DESPITE_ERRORS|npm_lifecycle_.*|INIT_CWD|MONGODB_URI|REDIS_URL)$/.test(
          name,
        ) &&
        options.env?.[name] === undefined
      )
        delete env[name];
    this.child = spawn(command, args, { cwd: options.cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (chunk: Buffer): void => {
      this.output += chunk.toString('utf8');
    };
    this.child.stdout?.on('data', keep);
    this.child.stderr?.on('data', keep);
    this.ended = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', (code, signal) => resolve({ code, signal, output: this.output }));
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Waits until it has printed this. */
  async printed(pattern: RegExp): Promise<RegExpMatchArray> {
    let match: RegExpMatchArray | null = null;
    await until(`the output holds ${pattern}`, () => {
      match = this.output.match(pattern);
      if (!match && this.child.exitCode !== null)
        throw new Error(`It ended before printing ${pattern}:\n${this.output}`);
      return match !== null;
    });
    return match!;
  }
}

/** `node scripts/start.mjs` on this data, with the stand-in for the server. */
export function startScript(dataDir: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): RunningScript {
  const script = join(projectDir, 'scripts', 'start.mjs');
  return new RunningScript(process.execPath, [script, '--data', dataDir, ...args], {
    env: { WAXWING_SERVER_ENTRY: standInServer, ...env },
  });
}

/** Polls a condition that no event tells of, such as a process being gone. */
export async function until(what: string, isTrue: () => boolean): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error(`Not within ${limitMs / 1000} s: ${what}`);
    await pause(20);
  }
}

export interface SeenProcess {
  readonly pid: number;
  readonly commandLine: string;
}

/** Every running process whose command line holds this text, this test's own process excepted. */
export function processesWith(text: string): SeenProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((name) => ({ pid: Number(name), commandLine: commandLineOf(Number(name)) }))
    .filter(({ commandLine }) => commandLine.includes(text));
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** The one process whose command line holds all of these. */
export function theProcess(...texts: readonly [string, ...string[]]): number {
  const found = processesWith(texts[0]).filter(({ commandLine }) => texts.every((text) => commandLine.includes(text)));
  if (found.length !== 1) throw new Error(`${found.length} processes with ${texts.join(', ')}`);
  return found[0]!.pid;
}
