/**
 * Dates of IMAP (RFC 9051 §9 date, date-time): `1-Feb-1994` in SEARCH, ` 1-Feb-1994 21:52:25 -0800` in APPEND and INTERNALDATE. The
 * server's zone is UTC, in what it shows and in what SEARCH compares.
 */
import type { Cursor } from './cursor.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** A calendar day as 'YYYY-MM-DD'. */
export type Day = string;

/** date: perhaps in quotes. */
export function parseDay(cursor: Cursor): Day {
  const isQuoted = cursor.takes('"');
  const match = /^(\d{1,2})-([A-Za-z]{3})-(\d{4})$/.exec(cursor.atom());
  if (isQuoted) cursor.expect('"');
  const day = match && dayOf(Number(match[3]), match[2]!, Number(match[1]));
  if (!day) throw cursor.fault('Invalid date');
  return day;
}

export function printDay(day: Day): string {
  return `${Number(day.slice(8))}-${MONTHS[Number(day.slice(5, 7)) - 1]}-${day.slice(0, 4)}`;
}

/** The day after. */
export function nextDay(day: Day): Day {
  return new Date(startOf(day).getTime() + 86_400_000).toISOString().slice(0, 10);
}

/** Midnight in the server's zone. */
export const startOf = (day: Day): Date => new Date(`${day}T00:00:00.000Z`);

/** date-time, always in quotes. */
export function parseDateTime(cursor: Cursor): Date {
  const text = cursor.string().toString('latin1');
  const match = /^([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})$/.exec(text);
  const day = match && dayOf(Number(match[3]), match[2]!, Number(match[1]));
  if (!match || !day) throw cursor.fault('Invalid date and time');
  const [hour, minute, second, zoneHour, zoneMinute] = [match[4], match[5], match[6], match[8], match[9]].map(Number);
  if (hour! > 23 || minute! > 59 || second! > 60 || zoneHour! > 23 || zoneMinute! > 59)
    throw cursor.fault('Invalid date and time');
  const zone = (zoneHour! * 60 + zoneMinute!) * (match[7] === '-' ? -1 : 1);
  return new Date(startOf(day).getTime() + ((hour! * 60 + minute! - zone) * 60 + second!) * 1_000);
}

/** date-time without its quotes: 26 characters, the day padded with a space. */
export function printDateTime(date: Date): string {
  const text = date.toISOString();
  const day = date.getUTCDate();
  return `${day < 10 ? ` ${day}` : day}-${MONTHS[date.getUTCMonth()]}-${text.slice(0, 4)} ${text.slice(11, 19)} +0000`;
}

function dayOf(year: number, monthName: string, day: number): Day | null {
  const month = MONTHS.findIndex((name) => name.toLowerCase() === monthName.toLowerCase());
  if (month === -1 || year < 1) return null;
  const text = `${String(year).padStart(4, '0')}-${String(month + 1).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
  const date = new Date(`${text}T00:00:00.000Z`);
  return Number.isNaN(date.getTime()) || date.getUTCDate() !== day ? null : text;
}
