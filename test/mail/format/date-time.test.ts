import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDateTime, formatIsoWithZone, parseDateTime } from '../../../src/mail/format/date-time.ts';

const READ: readonly (readonly [text: string, iso: string, zone: number | null])[] = [
  ['Fri, 21 Nov 1997 09:55:06 -0600', '1997-11-21T15:55:06.000Z', -360],
  ['Tue, 1 Jul 2003 10:52:37 +0200', '2003-07-01T08:52:37.000Z', 120],
  ['21 Nov 97 09:55:06 GMT', '1997-11-21T09:55:06.000Z', 0],
  ['Thu, 13 Feb 1969 23:32 -0330', '1969-02-14T03:02:00.000Z', -210],
  ['Fri, 21 Nov 1997 09(comment):   55  :  06 -0600', '1997-11-21T15:55:06.000Z', -360],
  ['Thu,\r\n\t13\r\n\tFeb\r\n\t1969\r\n\t23:32\r\n\t-0330 (Newfoundland Time)', '1969-02-14T03:02:00.000Z', -210],
  ['Mon, 1 Jan 2024 00:00:00 -0000', '2024-01-01T00:00:00.000Z', null],
  ['Mon, 1 Jan 2024 00:00:00 Z', '2024-01-01T00:00:00.000Z', null],
  ['Mon, 1 Jan 2024 00:00:00 EST', '2024-01-01T05:00:00.000Z', -300],
  ['Mon, 1 Jan 2024 00:00:00 PDT (x (y))', '2024-01-01T07:00:00.000Z', -420],
  ['Mon, 1 Jan 2024 00:00:00 GMT+0100', '2023-12-31T23:00:00.000Z', 60],
  ['Mon, 1 Jan 2024 00:00:00', '2024-01-01T00:00:00.000Z', null],
  ['Mon Jan  1 10:20:30 2024', '2024-01-01T10:20:30.000Z', null],
  ['25-Nov-2026 03:21:48 +0000', '2026-11-25T03:21:48.000Z', 0],
  ['1 Jan 49 00:00:00 +0000', '2049-01-01T00:00:00.000Z', 0],
  ['1 Jan 50 00:00:00 +0000', '1950-01-01T00:00:00.000Z', 0],
  ['1 Jan 103 00:00:00 +0000', '2003-01-01T00:00:00.000Z', 0],
  ['Sat, 31 Dec 2016 23:59:60 +0000', '2017-01-01T00:00:00.000Z', 0],
  ['Monday, 1 January 2024 1:02:03 +0000', '2024-01-01T01:02:03.000Z', 0],
];

for (const [text, iso, zone] of READ) {
  test(`RFC 5322 §3.3, §4.3 reads ${JSON.stringify(text)}`, () => {
    const sentAt = parseDateTime(text);
    assert.equal(sentAt?.date.toISOString(), iso);
    assert.equal(sentAt?.zoneMinutes, zone);
  });
}

for (const text of ['', 'yesterday', '12:00', 'Mon', '31 Feb 2024 00:00:00 +0000', '1 Jan', 'Jan 2024', '0 Jan 2024']) {
  test(`RFC 5322 §3.3 gives null for ${JSON.stringify(text)}`, () => assert.equal(parseDateTime(text), null));
}

test('RFC 5322 §3.3 writes a date that reads back the same', () => {
  const second = fc.integer({ min: Date.UTC(1970, 0, 1) / 1000, max: Date.UTC(2200, 0, 1) / 1000 });
  const zone = fc.option(fc.integer({ min: -14 * 60, max: 14 * 60 }), { nil: null });
  fc.assert(
    fc.property(second, zone, (seconds, zoneMinutes) => {
      const date = new Date(seconds * 1000);
      const text = formatDateTime(date, zoneMinutes);
      assert.match(text, /^[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}$/);
      assert.deepEqual(parseDateTime(text), { date, zoneMinutes });
    }),
  );
});

test('RFC 8620 §1.4 writes the zone of the sender in RFC 3339 form', () => {
  assert.equal(
    formatIsoWithZone({ date: new Date('2014-10-30T06:12:00Z'), zoneMinutes: 480 }),
    '2014-10-30T14:12:00+08:00',
  );
  assert.equal(
    formatIsoWithZone({ date: new Date('2014-10-30T06:12:00Z'), zoneMinutes: null }),
    '2014-10-30T06:12:00Z',
  );
  assert.equal(
    formatIsoWithZone({ date: new Date('2014-10-30T06:12:00Z'), zoneMinutes: -210 }),
    '2014-10-30T02:42:00-03:30',
  );
});
