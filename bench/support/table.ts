/** The rows as a table for people, or as JSON. */
import type { Row } from './measure.ts';

const HEADS = [
  'operation',
  'rate /s',
  'p50 ms',
  'p99 ms',
  'CPU ms/op server',
  'CPU ms/op services',
  'server MiB',
  'note',
] as const;
const OPERATION_WIDTH = 62;
const NUMBER_WIDTHS = [9, 9, 9, 17, 19, 11];

const digits = (value: number | null): string =>
  value === null ? '' : value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

export function headLine(): string {
  return [
    HEADS[0].padEnd(OPERATION_WIDTH),
    ...HEADS.slice(1, 7).map((head, i) => head.padStart(NUMBER_WIDTHS[i] ?? 0)),
    `  ${HEADS[7]}`,
  ].join('');
}

export function rowLine(row: Row): string {
  const numbers = [row.ratePerSecond, row.p50Ms, row.p99Ms, row.serverCpuMs, row.serviceCpuMs, row.residentMiB];
  return [
    row.operation.padEnd(OPERATION_WIDTH),
    ...numbers.map((value, i) => digits(value).padStart(NUMBER_WIDTHS[i] ?? 0)),
    row.note ? `  ${row.note}` : '',
  ].join('');
}
