/**
 * What every command shares: the options before the command, the way to the record, and the two ways to print (table or JSON).
 * The record is reached as the running server reaches it (DATA/run/ready.json), else as the configuration says.
 */
import type { Command } from 'commander';
import { Deferral } from '../mail/refusal.ts';
import { type Clock, systemClock } from '../server/clock.ts';
import { type Config, loadConfig } from '../server/config.ts';
import { type Log, silentLog } from '../server/log.ts';
import { readReadyFile } from '../server/ready-file.ts';
import type { MailStore } from '../storage/mail-store.ts';
import { openMailStore } from '../storage/open-store.ts';

/** A person waits at the terminal. */
const PATIENCE_MS = 3_000;

export interface GlobalOptions {
  readonly data?: string;
  readonly config?: string;
  readonly set?: readonly string[];
  readonly json?: boolean;
}

/** A mistake of whoever typed the command: one sentence, exit code 1. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const globalsOf = (command: Command): GlobalOptions => command.optsWithGlobals<GlobalOptions>();

export function configOf(options: GlobalOptions): Config {
  return loadConfig({ set: options.set ?? [], file: options.config, data: options.data });
}

/** The schedule and doorbell of the running server. */
export interface ScheduleAddress {
  readonly redisUrl: string;
  readonly keyPrefix: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Opens the record for the time of `work` and closes it whatever happens. */
export async function withStore<T>(
  command: Command,
  work: (store: MailStore, schedule: ScheduleAddress) => Promise<T>,
): Promise<T> {
  const config = configOf(globalsOf(command));
  const running = readReadyFile(config.data)?.services;
  const schedule: ScheduleAddress = {
    redisUrl: running?.redisUrl ?? config.redis.url,
    keyPrefix: running?.redisKeyPrefix ?? config.redis.keyPrefix,
    clock: systemClock,
    log: silentLog,
  };
  const uri = running?.mongodbUri ?? config.mongodb.uri;
  const database = running?.mongodbDatabase ?? config.mongodb.database;
  const store = await openMailStore({ uri, database, ...schedule, serverSelectionMs: PATIENCE_MS }).catch(
    (cause: unknown) => {
      if (!(cause instanceof Deferral) || running) throw cause;
      throw new UsageError(
        `MongoDB does not answer, and no server runs on ${config.data}: start it with npm start, or name its data folder with --data.`,
      );
    },
  );
  try {
    return await work(store, schedule);
  } finally {
    await store.close();
  }
}

/** JSON with --json, else a table with a head line; `empty` when there are no rows. */
export function printRows(command: Command, rows: readonly Readonly<Record<string, unknown>>[], empty: string): void {
  if (globalsOf(command).json) {
    console.log(JSON.stringify(rows, null, 2));
    return;
  }
  const [first] = rows;
  if (!first) {
    console.log(empty);
    return;
  }
  const heads = Object.keys(first);
  const cells = rows.map((row) => heads.map((head) => cellText(row[head])));
  const widths = heads.map((head, i) => Math.max(head.length, ...cells.map((line) => line[i]?.length ?? 0)));
  for (const line of [heads.map((head) => head.toUpperCase()), ...cells])
    console.log(
      line
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}

/** JSON with --json, else the sentence. */
export function printDone(command: Command, sentence: string, facts: Readonly<Record<string, unknown>>): void {
  console.log(globalsOf(command).json ? JSON.stringify(facts, null, 2) : sentence);
}

/** Control characters, which came from a peer, must not reach a terminal. */
function cellText(value: unknown): string {
  const text = value === null || value === undefined ? '-' : Array.isArray(value) ? value.join(', ') : String(value);
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}

/** One line from standard input, without its line end. */
export async function readLineFromStdin(what: string): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of process.stdin) pieces.push(piece as Buffer);
  const line = Buffer.concat(pieces).toString('utf8').split(/\r?\n/, 1)[0] ?? '';
  if (line === '')
    throw new UsageError(`${what} is missing: write it to standard input, for example: echo secret | waxwing …`);
  return line;
}
