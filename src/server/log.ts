/**
 * The server's log: structured lines by pino. No secret, no message text and no password ever goes in; addresses of peers and ids do.
 */
import { mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { destination, type Logger, pino } from 'pino';

/** What a room needs of the log: `log.warn({ peer, cause }, 'connection cut')`. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A log whose lines all carry `fields`. */
  child(fields: Readonly<Record<string, unknown>>): Log;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Lines as JSON, to standard output or, when `file` is given, to that file. Flushed at exit. */
export function openLog(options: { readonly level: LogLevel; readonly file?: string | null }): Log {
  // Opened here and not by pino: a process that ends at once could not flush a file that is still being opened.
  const sink = destination({ dest: options.file ? openForAppend(options.file) : 1, sync: false, minLength: 0 });
  const logger: Logger = pino(
    {
      level: options.level,
      base: { pid: process.pid },
      serializers: { cause: pino.stdSerializers.err, err: pino.stdSerializers.err },
    },
    sink,
  );
  return logger;
}

function openForAppend(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  return openSync(file, 'a');
}

/** For tests and tools that want none. */
export const silentLog: Log = pino({ level: 'silent' });
