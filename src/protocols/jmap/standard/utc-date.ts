/** RFC 8620 §1.4: a UTCDate, without a fraction of zeros. */
export function utcDate(date: Date): string {
  return date
    .toISOString()
    .replace(/\.000Z$/, 'Z')
    .replace(/(\.\d*?)0+Z$/, '$1Z');
}
