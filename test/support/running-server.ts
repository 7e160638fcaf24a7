/**
 * The whole server as a process of its own, as an operator runs it: own data folder, own database, free ports. For journeys, fault tests,
 * the demonstration and the benchmark.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ReadyFile, readReadyFile } from '../../src/server/ready-file.ts';

export interface ServerOptions {
  readonly mongodbUri: string;
  readonly redisUrl: string;
  readonly database: string;
  readonly keyPrefix: string;
  /** `key=value` settings. */
  readonly set?: readonly string[];
  readonly roles?: string;
  /** Kept between two starts when given; else made and removed. */
  readonly data?: string;
  readonly startLimitMs?: number;
}

export interface RunningServer {
  readonly ready: ReadyFile;
  readonly process: ChildProcess;
  readonly data: string;
  /** Address and password of the first account. */
  readonly account: { readonly address: string; readonly password: string };
  port(name: string): number;
  /** SIGTERM, then the end of the process; its exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

const LOOK_EVERY_MS = 25;

/** src/main.js of the build that this file belongs to. */
const mainFile = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'src', 'main.js');

export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const ownData = options.data === undefined;
  const data = options.data ?? mkdtempSync(join(tmpdir(), 'waxwing-server-'));
  const sets = [
    'ports=auto',
    `mongodb.uri=${options.mongodbUri}`,
    `mongodb.database=${options.database}`,
    `redis.url=${options.redisUrl}`,
    `redis.keyPrefix=${options.keyPrefix}`,
    ...(options.set ?? []),
  ];
  const child = spawn(
    process.execPath,
    [
      '--enable-source-maps',
      mainFile,
      '--data',
      data,
      ...sets.flatMap((set) => ['--set', set]),
      ...(options.roles ? ['--roles', options.roles] : []),
    ],
    { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, WAXWING_EXIT_ON_STDIN_EOF: '1' } },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-20_000)));

  const ready = await untilReady(child, data, options.startLimitMs ?? 60_000).catch((cause: unknown) => {
    child.kill('SIGKILL');
    throw new Error(`the server did not start:\n${output}`, { cause });
  });
  const leave = (): void => {
    if (ownData) rmSync(data, { recursive: true, force: true });
  };
  const ended = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) {
      const exit = once(child, 'exit');
      child.kill(signal);
      await exit;
    }
    return child.exitCode;
  };
  return {
    ready,
    process: child,
    data,
    account: {
      address: ready.account?.address ?? '',
      password: ready.account ? readFileSync(ready.account.passwordFile, 'utf8').trim() : '',
    },
    port: (name) => {
      const listener = ready.listeners.find((candidate) => candidate.name === name);
      if (!listener) throw new Error(`no listener is called ${name}`);
      return listener.port;
    },
    stop: async () => {
      const code = await ended('SIGTERM');
      leave();
      return code;
    },
    kill: async () => {
      await ended('SIGKILL');
    },
  };
}

/** The file appears once, whole; looking for it every few milliseconds is all there is to it. */
async function untilReady(child: ChildProcess, data: string, limitMs: number): Promise<ReadyFile> {
  const limitAt = Date.now() + limitMs;
  while (Date.now() < limitAt) {
    const ready = readReadyFile(data);
    if (ready !== null && ready.pid === child.pid) return ready;
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`it ended with exit code ${child.exitCode}`);
    await wait(LOOK_EVERY_MS);
  }
  throw new Error(`it was not ready within ${limitMs} ms`);
}
