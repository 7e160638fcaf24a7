// Dates of message headers, read leniently and written strictly. Reading takes RFC 5322 §3.3, the obsolete forms of
// §4.3 (two-digit years, named and military zones, comments), asctime order, and missing seconds or zone; what has no
// day, month and year is null. Linear; never throws.

import type { SentAt } from './structure.ts';

/** Parses the unfolded text of a Date field (or the date of a Received field). */
export function parseDateTime(text: string): SentAt | null {
  let day = -1;
  let month = -1;
  let year = -1;
  let time: readonly [number, number, number] | null = null;
  let zone: number | null | undefined;
  for (const word of wordsOf(text)) {
    if (/^\d{1,2}:/.test(word)) {
      time ??= parseTime(word);
      continue;
    }
    if (/^\d{1,5}$/.test(word)) {
      if (day === -1 && word.length <= 2 && Number(word) >= 1 && Number(word) <= 31) day = Number(word);
      else if (year === -1) year = fullYear(word);
      continue;
    }
    if (month === -1 && MONTHS.has(word.slice(0, 3).toLowerCase())) {
      month = MONTHS.get(word.slice(0, 3).toLowerCase())!;
      continue;
    }
    if (time !== null && zone === undefined) zone = parseZone(word);
  }
  if (day === -1 || month === -1 || year === -1) return null;
  const [hours, minutes, seconds] = time ?? [0, 0, 0];
  const offset = zone ?? null;
  const milliseconds = Date.UTC(year, month, day, hours, minutes, seconds) - (offset ?? 0) * 60_000;
  const date = new Date(milliseconds);
  // A day that the month does not have would roll over silently.
  if (Number.isNaN(milliseconds) || new Date(Date.UTC(year, month, day)).getUTCDate() !== day) return null;
  return { date, zoneMinutes: offset };
}

/** RFC 5322 §3.3 date-time, e.g. `Wed, 25 Nov 2026 03:21:48 +0000`. A null zone is written as `-0000` (UTC, unknown). */
export function formatDateTime(date: Date, zoneMinutes: number | null = 0): string {
  const local = new Date(date.getTime() + (zoneMinutes ?? 0) * 60_000);
  const clock = [local.getUTCHours(), local.getUTCMinutes(), local.getUTCSeconds()].map(twoDigits).join(':');
  const year = String(local.getUTCFullYear()).padStart(4, '0');
  const day = `${DAY_NAMES[local.getUTCDay()]}, ${local.getUTCDate()} ${MONTH_NAMES[local.getUTCMonth()]} ${year}`;
  return `${day} ${clock} ${formatZone(zoneMinutes)}`;
}

/** RFC 3339 with the sender's zone, as JMAP's Date type wants it (RFC 8620 §1.4). */
export function formatIsoWithZone(sentAt: SentAt): string {
  const zone = sentAt.zoneMinutes ?? 0;
  const local = new Date(sentAt.date.getTime() + zone * 60_000).toISOString().slice(0, 19);
  if (zone === 0) return `${local}Z`;
  const digits = formatZone(zone);
  return `${local}${digits.slice(0, 3)}:${digits.slice(3)}`;
}

const MONTH_NAMES = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
const DAY_NAMES = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const MONTHS: ReadonlyMap<string, number> = new Map(MONTH_NAMES.map((name, index) => [name.toLowerCase(), index]));

/** RFC 5322 §4.3. */
const ZONES: ReadonlyMap<string, number> = new Map([
  ['UT', 0],
  ['UTC', 0],
  ['GMT', 0],
  ['EDT', -240],
  ['EST', -300],
  ['CDT', -300],
  ['CST', -360],
  ['MDT', -360],
  ['MST', -420],
  ['PDT', -420],
  ['PST', -480],
  // Not in the RFC, common in European mail.
  ['CET', 60],
  ['CEST', 120],
  ['BST', 60],
]);

const MAX_DATE_LENGTH = 256;

/** Words between white space, commas and dashes of "25-Nov-2026"; comments left out. */
function wordsOf(text: string): string[] {
  const bounded = text.slice(0, MAX_DATE_LENGTH);
  let depth = 0;
  let plain = '';
  for (const character of bounded) {
    if (character === '(') depth += 1;
    else if (character === ')') depth = Math.max(0, depth - 1);
    else if (depth === 0) plain += character;
    if (character === ')') plain += ' ';
  }
  return plain
    .replace(/[ \t]*:[ \t]*/g, ':')
    .replace(/(\d)-([A-Za-z]{3})-(\d)/, '$1 $2 $3')
    .split(/[\s,]+/)
    .filter((word) => word !== '');
}

function parseTime(word: string): readonly [number, number, number] | null {
  const match = /^(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.\d{1,9})?)?$/.exec(word);
  if (match === null) return null;
  const hours = Number(match[1]);
  const minutes = Number(match[2]);
  const seconds = Number(match[3] ?? 0);
  // RFC 5322 §3.3 allows the leap second 60.
  return hours < 24 && minutes < 60 && seconds <= 60 ? [hours, minutes, seconds] : null;
}

/** RFC 5322 §4.3: 00-49 is 20xx, 50-99 is 19xx, three digits count from 1900. */
function fullYear(word: string): number {
  const year = Number(word);
  if (word.length <= 2) return year < 50 ? 2000 + year : 1900 + year;
  return word.length === 3 ? 1900 + year : year;
}

/** Minutes east of UTC; null for "not known" (-0000, military letters and names not listed: RFC 5322 §4.3). */
function parseZone(word: string): number | null | undefined {
  const match = /^([+-])(\d{2}):?(\d{2})$/.exec(word.replace(/^(?:GMT|UTC)(?=[+-])/i, ''));
  if (match === null) return /^[A-Za-z]+$/.test(word) ? (ZONES.get(word.toUpperCase()) ?? null) : undefined;
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  if (match[1] === '-' && minutes === 0) return null;
  if (minutes >= 24 * 60) return null;
  return match[1] === '-' ? -minutes : minutes;
}

function formatZone(zoneMinutes: number | null): string {
  if (zoneMinutes === null) return '-0000';
  const distance = Math.abs(zoneMinutes);
  return `${zoneMinutes < 0 ? '-' : '+'}${twoDigits(Math.floor(distance / 60))}${twoDigits(distance % 60)}`;
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
