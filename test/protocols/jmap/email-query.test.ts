/** Email/query (RFC 8621 §4.4, RFC 8620 §5.5): every filter and sort, windows and collapsed threads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, deliver, message, openWorld } from './jmap-world.ts';

const world = await openWorld();
const { created } = await world.call('Mailbox/set', { create: { work: { name: 'Work' } } });
const work = created.work.id;
const inbox = (await world.call('Mailbox/query', { filter: { role: 'inbox' } })).ids[0];
const day = (n: number) => new Date(`2026-01-${String(n).padStart(2, '0')}T12:00:00Z`);

const ids: Record<string, string> = {};
const add = async (
  key: string,
  n: number,
  fields: Record<string, string>,
  body = 'plain words\r\n',
  keywords: string[] = [],
): Promise<void> => {
  ids[key] = await deliver(world, message({ 'Message-ID': `<${key}@example.net>`, ...fields }, body), {
    receivedAt: day(n),
    keywords,
  });
};
await add(
  'apple',
  1,
  { Subject: 'Apple pie', From: 'Zoe <zoe@example.net>', Date: 'Mon, 05 Jan 2026 00:00:00 +0000' },
  'x'.repeat(5_000),
  ['$seen'],
);
await add(
  'berry',
  2,
  {
    Subject: 'Berry cake',
    To: 'Team <team@example.org>',
    Cc: 'Kim <kim@example.com>',
    Date: 'Thu, 01 Jan 2026 00:00:00 +0000',
  },
  'The secret word is Zwetschge.\r\n',
  ['$flagged'],
);
await add('cherry', 3, {
  Subject: 'Re: Apple pie',
  References: '<apple@example.net>',
  Date: 'Fri, 02 Jan 2026 00:00:00 +0000',
});
await add(
  'date',
  4,
  {
    Subject: 'Date',
    'X-Campaign': 'spring sale',
    'MIME-Version': '1.0',
    'Content-Type': 'multipart/mixed; boundary=b',
    Date: 'Sat, 03 Jan 2026 00:00:00 +0000',
  },
  '--b\r\n\r\ntext\r\n--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n\r\npdf\r\n--b--\r\n',
);
await world.call('Email/set', {
  update: { [ids['date']!]: { mailboxIds: { [work]: true } }, [ids['berry']!]: { [`mailboxIds/${work}`]: true } },
});

const query = async (args: object): Promise<Answer> => world.call('Email/query', args);
const names = async (args: object): Promise<string[]> => {
  const { ids: found, error } = await query({ sort: [{ property: 'receivedAt' }], ...args });
  assert.equal(error, undefined, JSON.stringify(error));
  return found.map((id: string) => Object.keys(ids).find((key) => ids[key] === id));
};

test('RFC 8621 §4.4.1 every condition of a filter', async () => {
  const table: [object | null, string[]][] = [
    [null, ['apple', 'berry', 'cherry', 'date']],
    [{}, ['apple', 'berry', 'cherry', 'date']],
    [{ inMailbox: work }, ['berry', 'date']],
    [{ inMailbox: 'nothing' }, []],
    [{ inMailboxOtherThan: [work] }, ['apple', 'berry', 'cherry']],
    [{ inMailboxOtherThan: [work, inbox] }, []],
    [{ before: '2026-01-03T12:00:00Z' }, ['apple', 'berry']],
    [{ after: '2026-01-03T12:00:00Z' }, ['cherry', 'date']],
    [{ minSize: 5_000 }, ['apple']],
    [{ maxSize: 5_000 }, ['berry', 'cherry', 'date']],
    [{ hasKeyword: '$seen' }, ['apple']],
    [{ hasKeyword: '$SEEN' }, ['apple']],
    [{ notKeyword: '$seen' }, ['berry', 'cherry', 'date']],
    [{ allInThreadHaveKeyword: '$seen' }, []],
    [{ someInThreadHaveKeyword: '$seen' }, ['apple', 'cherry']],
    [{ noneInThreadHaveKeyword: '$seen' }, ['berry', 'date']],
    [{ hasAttachment: true }, ['date']],
    [{ hasAttachment: false }, ['apple', 'berry', 'cherry']],
    [{ subject: 'apple' }, ['apple', 'cherry']],
    [{ subject: '"apple pie"' }, ['apple', 'cherry']],
    [{ subject: 'pie apple' }, ['apple', 'cherry']],
    [{ subject: '"pie apple"' }, []],
    [{ from: 'zoe' }, ['apple']],
    [{ from: 'zoe@example.net' }, ['apple']],
    [{ to: 'team' }, ['berry']],
    [{ cc: 'kim@example' }, ['berry']],
    [{ bcc: 'kim' }, []],
    [{ body: 'zwetschge' }, ['berry']],
    [{ text: 'ZWETSCHGE' }, ['berry']],
    [{ text: 'zoe' }, ['apple']],
    [{ header: ['X-Campaign'] }, ['date']],
    [{ header: ['x-campaign', 'SPRING'] }, ['date']],
    [{ header: ['X-Campaign', 'autumn'] }, []],
    [{ subject: 'apple', hasKeyword: '$seen' }, ['apple']],
    [{ operator: 'OR', conditions: [{ subject: 'berry' }, { hasAttachment: true }] }, ['berry', 'date']],
    [{ operator: 'NOT', conditions: [{ subject: 'berry' }, { hasAttachment: true }] }, ['apple', 'cherry']],
    [
      { operator: 'AND', conditions: [{ inMailbox: inbox }, { operator: 'NOT', conditions: [{ inMailbox: work }] }] },
      ['apple', 'cherry'],
    ],
    [{ operator: 'AND', conditions: [] }, ['apple', 'berry', 'cherry', 'date']],
    [{ operator: 'OR', conditions: [] }, []],
    [{ operator: 'NOT', conditions: [] }, ['apple', 'berry', 'cherry', 'date']],
  ];
  for (const [filter, expected] of table) assert.deepEqual(await names({ filter }), expected, JSON.stringify(filter));
});

test('RFC 8621 §4.4.2 every sort, both ways, with ties that are always the same', async () => {
  const table: [object[] | null, string[]][] = [
    [[{ property: 'receivedAt', isAscending: false }], ['date', 'cherry', 'berry', 'apple']],
    [[{ property: 'sentAt' }], ['berry', 'cherry', 'date', 'apple']],
    [
      [{ property: 'size', isAscending: false }, { property: 'receivedAt' }],
      ['apple', 'date', 'berry', 'cherry'],
    ],
    [
      [{ property: 'subject' }, { property: 'receivedAt' }],
      ['apple', 'cherry', 'berry', 'date'],
    ],
    [
      [{ property: 'from' }, { property: 'receivedAt' }],
      ['berry', 'cherry', 'date', 'apple'],
    ],
    [
      [{ property: 'to', isAscending: false }, { property: 'receivedAt' }],
      ['berry', 'apple', 'cherry', 'date'],
    ],
    [
      [{ property: 'hasKeyword', keyword: '$flagged', isAscending: false }, { property: 'receivedAt' }],
      ['berry', 'apple', 'cherry', 'date'],
    ],
    [
      [
        { property: 'someInThreadHaveKeyword', keyword: '$seen', isAscending: false },
        { property: 'receivedAt', isAscending: false },
      ],
      ['cherry', 'apple', 'date', 'berry'],
    ],
    [
      [{ property: 'allInThreadHaveKeyword', keyword: '$flagged', isAscending: false }, { property: 'receivedAt' }],
      ['berry', 'apple', 'cherry', 'date'],
    ],
  ];
  for (const [sort, expected] of table) assert.deepEqual(await names({ sort }), expected, JSON.stringify(sort));
  const unsorted = (await query({})).ids;
  assert.deepEqual((await query({ sort: null })).ids, unsorted);
});

test('RFC 8621 §4.4.3 collapsed threads show each thread once, and the total counts threads', async () => {
  assert.deepEqual(await names({ collapseThreads: true, sort: [{ property: 'receivedAt', isAscending: false }] }), [
    'date',
    'cherry',
    'berry',
  ]);
  assert.deepEqual(await names({ collapseThreads: true }), ['apple', 'berry', 'date']);
  assert.equal((await query({ collapseThreads: true, calculateTotal: true, limit: 0 })).total, 3);
  assert.equal((await query({ calculateTotal: true, limit: 0 })).total, 4);
});

test('RFC 8620 §5.5 windows by position and by anchor', async () => {
  const sort = [{ property: 'receivedAt' }];
  const window = async (args: object): Promise<unknown[]> => {
    const answer = await query({ sort, ...args });
    return [answer.position, ...answer.ids.map((id: string) => Object.keys(ids).find((key) => ids[key] === id))];
  };
  assert.deepEqual(await window({ position: 1, limit: 2 }), [1, 'berry', 'cherry']);
  assert.deepEqual(await window({ position: -1 }), [3, 'date']);
  assert.deepEqual((await window({ position: -100, limit: 1 })).slice(1), ['apple']);
  assert.deepEqual((await window({ position: 100 })).slice(1), []);
  assert.deepEqual(await window({ anchor: ids['cherry'], limit: 2 }), [2, 'cherry', 'date']);
  assert.deepEqual(await window({ anchor: ids['cherry'], anchorOffset: -1, limit: 2 }), [1, 'berry', 'cherry']);
  assert.deepEqual(await window({ anchor: ids['cherry'], anchorOffset: 1, limit: 2 }), [3, 'date']);
  assert.deepEqual(await window({ anchor: ids['berry'], anchorOffset: -5, limit: 1 }), [0, 'apple']);
  assert.equal((await query({ anchor: 'nothing' })).error.type, 'anchorNotFound');
  const huge = await query({ limit: 1_000_000_000 });
  assert.ok(huge.limit > 0 && huge.limit < 1_000_000_000);
  assert.equal('limit' in (await query({ limit: 2 })), false);
  assert.equal('total' in (await query({ limit: 2 })), false);
  assert.equal((await query({})).queryState, (await world.call('Email/get', { ids: [] })).state);
});

test('RFC 8620 §5.5 what is no filter, no sort or no window', async () => {
  const table: [object, string][] = [
    [{ filter: { color: 'red' } }, 'unsupportedFilter'],
    [{ filter: { operator: 'XOR', conditions: [] } }, 'invalidArguments'],
    [{ filter: { operator: 'AND' } }, 'invalidArguments'],
    [{ filter: { operator: 'AND', conditions: [{ subject: { $ne: null } }] } }, 'invalidArguments'],
    [{ filter: { subject: { $ne: null } } }, 'invalidArguments'],
    [{ filter: { hasKeyword: 'a b' } }, 'invalidArguments'],
    [{ filter: { before: 'yesterday' } }, 'invalidArguments'],
    [{ filter: { header: [] } }, 'invalidArguments'],
    [{ filter: { header: ['a', 'b', 'c'] } }, 'invalidArguments'],
    [{ filter: { minSize: 1.5 } }, 'invalidArguments'],
    [{ filter: 'all' }, 'invalidArguments'],
    [
      { filter: { operator: 'OR', conditions: Array.from({ length: 600 }, () => ({ subject: 'a' })) } },
      'unsupportedFilter',
    ],
    [{ sort: [{ property: 'color' }] }, 'unsupportedSort'],
    [{ sort: [{ property: 'subject', collation: 'i;klingon' }] }, 'unsupportedSort'],
    [{ sort: [{ property: 'hasKeyword' }] }, 'invalidArguments'],
    [{ sort: [{ isAscending: true }] }, 'invalidArguments'],
    [{ sort: { property: 'subject' } }, 'invalidArguments'],
    [{ limit: -1 }, 'invalidArguments'],
    [{ position: 0.5 }, 'invalidArguments'],
    [{ collapseThreads: 'yes' }, 'invalidArguments'],
    [{ unknown: 1 }, 'invalidArguments'],
  ];
  for (const [args, type] of table)
    assert.equal((await query(args)).error?.type, type, JSON.stringify(args).slice(0, 200));
  assert.equal((await world.call('Email/queryChanges', { sinceQueryState: 'x' })).error.type, 'cannotCalculateChanges');
});

test('RFC 8620 §3.7 the inbox page in one request', async () => {
  const { id: accountId } = world.alice;
  const ref = (resultOf: string, name: string, path: string) => ({ resultOf, name, path });
  const answers = await world.calls(
    ['Mailbox/get', { accountId }, '0'],
    [
      'Email/query',
      {
        accountId,
        filter: { inMailbox: inbox },
        sort: [{ property: 'receivedAt', isAscending: false }],
        collapseThreads: true,
        limit: 50,
      },
      '1',
    ],
    ['Email/get', { accountId, '#ids': ref('1', 'Email/query', '/ids'), properties: ['threadId'] }, '2'],
    ['Thread/get', { accountId, '#ids': ref('2', 'Email/get', '/list/*/threadId') }, '3'],
    [
      'Email/get',
      {
        accountId,
        '#ids': ref('3', 'Thread/get', '/list/*/emailIds'),
        properties: ['from', 'subject', 'receivedAt', 'preview', 'keywords'],
      },
      '4',
    ],
  );
  assert.deepEqual(
    answers.map(([name]) => name),
    ['Mailbox/get', 'Email/query', 'Email/get', 'Thread/get', 'Email/get'],
  );
  assert.deepEqual(answers[4]![1].list.map((email: Answer) => email.subject).sort(), [
    'Apple pie',
    'Berry cake',
    'Re: Apple pie',
  ]);
});

test('nothing of all this was a defect', () => assert.deepEqual(world.errors, []));
