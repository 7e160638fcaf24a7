/**
 * One row of the table: an operation repeated, each repetition timed, processor time and memory taken before and after.
 */
import { cpuMs, residentBytes } from './process-usage.ts';

export interface Row {
  readonly operation: string;
  /** Operations a second, over the whole. */
  readonly ratePerSecond: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Processor time per operation of the server, and of MongoDB and Valkey together. */
  readonly serverCpuMs: number | null;
  readonly serviceCpuMs: number | null;
  /** Of the server, after the row. */
  readonly residentMiB: number | null;
  readonly note?: string;
}

export interface Pids {
  readonly server: number;
  readonly services: readonly number[];
}

export interface Work {
  /** How many operations were done, and how long each took. */
  readonly count: number;
  readonly timesMs: readonly number[];
  readonly note?: string;
}

/** Runs `work` once and makes a row of it. */
export async function measure(operation: string, pids: Pids, work: () => Promise<Work>): Promise<Row> {
  const sum = (list: readonly number[]): number => list.reduce((total, pid) => total + cpuMs(pid), 0);
  const [serverBefore, servicesBefore, startedAt] = [cpuMs(pids.server), sum(pids.services), performance.now()];
  const { count, timesMs, note } = await work();
  const seconds = (performance.now() - startedAt) / 1000;
  const sorted = timesMs.toSorted((a, b) => a - b);
  return {
    operation,
    ratePerSecond: count / seconds,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    serverCpuMs: (cpuMs(pids.server) - serverBefore) / count,
    serviceCpuMs: (sum(pids.services) - servicesBefore) / count,
    residentMiB: residentBytes(pids.server) / 1024 ** 2,
    ...(note === undefined ? {} : { note }),
  };
}

/** Of an ascending list; null when it is empty. */
export function percentile(sorted: readonly number[], share: number): number | null {
  return sorted.length === 0
    ? null
    : (sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? null);
}

/** Calls `operation` `count` times from `lanes` callers at once; the times in milliseconds. */
export async function repeat(
  count: number,
  lanes: number,
  operation: (lane: number, turn: number) => Promise<void>,
): Promise<number[]> {
  const times: number[] = [];
  let next = 0;
  const caller = async (lane: number): Promise<void> => {
    for (let turn = next++; turn < count; turn = next++) {
      const startedAt = performance.now();
      await operation(lane, turn);
      times.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_nothing, lane) => caller(lane)));
  return times;
}
