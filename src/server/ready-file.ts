/**
 * DATA/run/ready.json: written when every listener answers, removed at the stop. Scripts, the CLI and a second start read it.
 * A file whose process is gone is stale and counts as absent.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ListenerInfo {
  /** smtp, submission, submissions, imap, imaps, pop3, pop3s, lmtp, http */
  readonly name: string;
  readonly protocol: 'smtp' | 'lmtp' | 'imap' | 'pop3' | 'http';
  readonly host: string;
  readonly port: number;
  readonly tls: 'none' | 'starttls' | 'implicit';
}

export interface ReadyFile {
  readonly pid: number;
  /** Base URL of HTTP on this host, or null without that role. */
  readonly http: string | null;
  readonly listeners: readonly ListenerInfo[];
  readonly account: { readonly address: string; readonly passwordFile: string } | null;
  /** What the CLI needs to reach the record. The file has mode 0600. */
  readonly services: {
    readonly mongodbUri: string;
    readonly mongodbDatabase: string;
    readonly redisUrl: string;
    readonly redisKeyPrefix: string;
  };
}

const pathOf = (data: string): string => join(data, 'run', 'ready.json');

/** Whole or not at all: written aside, then renamed. */
export function writeReadyFile(data: string, ready: ReadyFile): void {
  mkdirSync(join(data, 'run'), { recursive: true });
  const aside = `${pathOf(data)}.${process.pid}`;
  writeFileSync(aside, `${JSON.stringify(ready, null, 2)}\n`, { mode: 0o600 });
  renameSync(aside, pathOf(data));
}

/** Null when there is none, or when its process no longer runs. */
export function readReadyFile(data: string): ReadyFile | null {
  let ready: ReadyFile;
  try {
    ready = JSON.parse(readFileSync(pathOf(data), 'utf8')) as ReadyFile;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT' || cause instanceof SyntaxError) return null;
    throw cause;
  }
  return isAlive(ready.pid) ? ready : null;
}

/** Removes the file when it is ours. */
export function removeReadyFile(data: string): void {
  if (readReadyFile(data)?.pid === process.pid) rmSync(pathOf(data), { force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM';
  }
}
