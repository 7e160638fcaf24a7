import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Keyword } from '../../../src/mail/flags.ts';
import { asModseq, asUid, type EmailId, type ThreadId, type Uid } from '../../../src/mail/ids.ts';
import { Refusal } from '../../../src/mail/refusal.ts';
import type { EmailQuery, SearchNode } from '../../../src/storage/model.ts';
import { mailboxOfRole, openFixture } from '../operations/store-fixture.ts';

const fixture = await openFixture();
const account = await fixture.account();
const inbox = await mailboxOfRole(account, 'inbox');
const archive = await mailboxOfRole(account, 'archive');
const kw = (text: string): Keyword => text as Keyword;

interface Known {
  readonly id: EmailId;
  readonly thread: ThreadId;
  readonly uid: Uid;
  readonly n: number;
  readonly octets: Buffer;
  readonly receivedAt: Date;
  readonly keywords: readonly Keyword[];
  readonly isArchived: boolean;
  readonly isLarge: boolean;
}

const WORDS = ['apple', 'Bänana', 'cherry', 'düne', 'elder.berry', 'fig(s)'];
const START = Date.UTC(2026, 0, 1);
/** Every sixth answers the one before, under its subject. */
const topicOf = (n: number): number => (n % 6 === 5 ? n - 1 : n);
const known = await fill(48);

function bodyOf(n: number): string {
  const word = WORDS[n % WORDS.length]!;
  // Every eighth is large, with its word behind half a megabyte of other text.
  const filler = n % 8 === 7 ? 'lorem ipsum dolor sit amet\r\n'.repeat(20_000) : '';
  if (n % 3 === 0) return `${filler}The text has ${word} number${n}.\r\n`;
  const encoded = Buffer.from(`${filler}The text has ${word} number${n}.\r\n`).toString('base64');
  return encoded.replace(/.{76}/g, '$&\r\n');
}

function octetsOf(n: number): Buffer {
  const day = String((n % 28) + 1).padStart(2, '0');
  // Half of them are written late in the evening, far in the west.
  const date = n % 2 === 0 ? `${day} Mar 2026 10:00:00 +0000` : `${day} Mar 2026 23:30:00 -1000`;
  return Buffer.from(
    [
      `From: =?utf-8?Q?J=C3=B6rg_${n % 5}?= <joerg${n % 5}@example.net>`,
      `To: bob@example.org, Carol <carol${n % 4}@example.com>`,
      `Subject: ${n % 6 === 5 ? 'Re: ' : ''}Topic ${topicOf(n) % 7} ${WORDS[(topicOf(n) + 1) % WORDS.length]!}`,
      ...(n % 4 === 0 ? ['X-Mark: =?utf-8?B?w4RwZmVs?= here'] : []),
      `Message-ID: <search.${n}@example.net>`,
      ...(n % 6 === 5 ? [`References: <search.${n - 1}@example.net>`] : []),
      `Date: ${date}`,
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=utf-8',
      ...(n % 3 === 0 ? [] : ['Content-Transfer-Encoding: base64']),
      '',
      bodyOf(n),
    ].join('\r\n'),
  );
}

async function fill(count: number): Promise<Known[]> {
  const all: Known[] = [];
  for (let n = 0; n < count; n++) {
    const octets = octetsOf(n);
    const staged = await fixture.store.receiveBody(
      (async function* () {
        yield octets;
      })(),
      { maxBytes: 10_000_000 },
    );
    const keywords = [
      ...(n % 2 ? ['$seen'] : []),
      ...(n % 5 === 0 ? ['$flagged'] : []),
      ...(n % 7 === 0 ? ['work'] : []),
    ];
    const isArchived = n % 4 === 1;
    // Pairs were received at the same instant.
    const receivedAt = new Date(START + Math.floor(n / 2) * 3_600_000);
    const mailboxes = isArchived ? [inbox, archive] : [inbox];
    const { messages } = await account.append([{ staged, mailboxes, keywords: keywords.map(kw), receivedAt }]);
    const { id, thread, memberships } = messages[0]!;
    const uid = memberships.find((m) => m.mailbox === inbox)!.uid;
    all.push({ id, thread, uid, n, octets, receivedAt, keywords: keywords.map(kw), isArchived, isLarge: n % 8 === 7 });
  }
  await account.changeFlags(inbox, [{ from: asUid(3), to: asUid(9) }], { mode: 'add', keywords: [], deleted: true });
  return all;
}

const threadOf = (m: Known): Known[] => known.filter((other) => other.thread === m.thread);
const word = (m: Known): string => WORDS[m.n % WORDS.length]!;
const subjectWord = (m: Known): string => WORDS[(topicOf(m.n) + 1) % WORDS.length]!;
const plain = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase();
const middle = new Date(START + 10 * 3_600_000);
const modseqs = new Map((await account.messages(known.map((m) => m.id))).map((m) => [m.id, m.modseq]));
const someModseq = modseqs.get(known[30]!.id)!;

/** Leaves of a search, each with what it means said a second time, over what the messages are known to be. */
const LEAVES: readonly (readonly [SearchNode, (m: Known) => boolean])[] = [
  [{ op: 'all' }, () => true],
  [{ op: 'none' }, () => false],
  [{ op: 'keyword', keyword: kw('$seen') }, (m) => m.keywords.includes(kw('$seen'))],
  [{ op: 'keyword', keyword: kw('work') }, (m) => m.n % 7 === 0],
  [{ op: 'inMailbox', mailbox: archive }, (m) => m.isArchived],
  [{ op: 'onlyInMailboxes', mailboxes: [inbox] }, (m) => !m.isArchived],
  [{ op: 'ids', emails: known.slice(5, 25).map((m) => m.id) }, (m) => m.n >= 5 && m.n < 25],
  [{ op: 'receivedAt', from: middle }, (m) => m.receivedAt >= middle],
  [{ op: 'receivedAt', to: middle }, (m) => m.receivedAt < middle],
  [{ op: 'size', from: 100_000 }, (m) => m.isLarge],
  [{ op: 'size', to: 100_000 }, (m) => !m.isLarge],
  [{ op: 'modseq', from: someModseq }, (m) => modseqs.get(m.id)! >= someModseq],
  [{ op: 'sentDay', from: '2026-03-10', to: '2026-03-11' }, (m) => (m.n % 28) + 1 === 10],
  [{ op: 'sentDay', from: '2026-03-20' }, (m) => (m.n % 28) + 1 >= 20],
  [{ op: 'hasAttachment' }, () => false],
  [{ op: 'from', text: 'JÖRG 3' }, (m) => m.n % 5 === 3],
  [{ op: 'from', text: 'joerg2@EXAMPLE' }, (m) => m.n % 5 === 2],
  [{ op: 'to', text: 'carol1' }, (m) => m.n % 4 === 1],
  [{ op: 'cc', text: 'carol1' }, () => false],
  [{ op: 'subject', text: 'topic 3' }, (m) => topicOf(m.n) % 7 === 3],
  [{ op: 'subject', text: '.berry' }, (m) => subjectWord(m) === 'elder.berry'],
  [{ op: 'subject', text: 'fig(s)' }, (m) => subjectWord(m) === 'fig(s)'],
  [{ op: 'subject', text: '' }, () => true],
  [{ op: 'header', name: 'X-Mark', text: null }, (m) => m.n % 4 === 0],
  [{ op: 'header', name: 'x-mark', text: 'ÄPFEL h' }, (m) => m.n % 4 === 0],
  [{ op: 'header', name: 'X-None', text: '' }, () => false],
  [{ op: 'body', text: 'BANANA' }, (m) => word(m) === 'Bänana'],
  [{ op: 'body', text: 'text has elder.b' }, (m) => word(m) === 'elder.berry'],
  [{ op: 'body', text: 'topic' }, () => false],
  [{ op: 'body', text: 'number31.' }, (m) => m.n === 31],
  [{ op: 'text', text: 'dune' }, (m) => plain(word(m)) === 'dune' || plain(subjectWord(m)) === 'dune'],
  [{ op: 'text', text: 'Äpfel' }, (m) => m.n % 4 === 0],
  [{ op: 'threadKeyword', quantity: 'some', keyword: kw('$flagged') }, (m) => threadOf(m).some((o) => o.n % 5 === 0)],
  [{ op: 'threadKeyword', quantity: 'all', keyword: kw('$seen') }, (m) => threadOf(m).every((o) => o.n % 2 === 1)],
];
const IN_MAILBOX: typeof LEAVES = [
  ...LEAVES,
  [{ op: 'deleted' }, (m) => m.uid >= 3 && m.uid <= 9],
  [
    {
      op: 'uids',
      ranges: [
        { from: asUid(2), to: asUid(4) },
        { from: asUid(40), to: asUid(9_999) },
      ],
    },
    (m) => (m.uid >= 2 && m.uid <= 4) || m.uid >= 40,
  ],
  [
    { op: 'uids', ranges: Array.from({ length: 100 }, (_, i) => ({ from: asUid(2 * i + 1), to: asUid(2 * i + 1) })) },
    (m) => m.uid % 2 === 1,
  ],
  [{ op: 'savedAt', from: new Date(START) }, () => true],
];

const uidsOf = (matches: readonly Known[]): number[] => matches.map((m) => m.uid);
const query = (more: Partial<EmailQuery>): EmailQuery => ({
  filter: { op: 'all' },
  sort: [],
  collapseThreads: false,
  position: 0,
  limit: 1_000,
  calculateTotal: true,
  ...more,
});

describe('RFC 3501 §6.4.4 search keys', () => {
  for (const [node, matches] of IN_MAILBOX) {
    test(`${JSON.stringify(node).slice(0, 90)} and its NOT`, async () => {
      assert.deepEqual(await account.searchMailbox(inbox, node), uidsOf(known.filter(matches)));
      assert.deepEqual(
        await account.searchMailbox(inbox, { op: 'not', node }),
        uidsOf(known.filter((m) => !matches(m))),
      );
    });
  }

  test('random trees of AND, OR and NOT mean what they say', async () => {
    const random = seeded(20261124);
    const tree = (depth: number): readonly [SearchNode, (m: Known) => boolean] => {
      const kind = depth === 0 ? 0 : random(5);
      if (kind <= 1) return IN_MAILBOX[random(IN_MAILBOX.length)]!;
      if (kind === 2) {
        const [node, matches] = tree(depth - 1);
        return [{ op: 'not', node }, (m) => !matches(m)];
      }
      const children = Array.from({ length: random(4) }, () => tree(depth - 1));
      const nodes = children.map(([node]) => node);
      return kind === 3
        ? [{ op: 'and', nodes }, (m) => children.every(([, matches]) => matches(m))]
        : [{ op: 'or', nodes }, (m) => children.some(([, matches]) => matches(m))];
    };
    for (let i = 0; i < 250; i++) {
      const [node, matches] = tree(4);
      const found = await account.searchMailbox(inbox, node);
      assert.deepEqual(found, uidsOf(known.filter(matches)), JSON.stringify(node));
    }
  });

  test('a mailbox that holds nothing, and one that is not there', async () => {
    const trash = await mailboxOfRole(account, 'trash');
    assert.deepEqual(await account.searchMailbox(trash, { op: 'all' }), []);
    assert.deepEqual(await account.searchMailbox('mnothing' as typeof trash, { op: 'body', text: 'x' }), []);
  });

  test('RFC 7162 §3.1.5 a recent modseq is answered from the change log, a future one with nothing', async () => {
    const { modseq } = await account.state();
    assert.deepEqual(await account.searchMailbox(inbox, { op: 'modseq', from: asModseq(modseq + 1) }), []);
    assert.deepEqual(await account.searchMailbox(inbox, { op: 'modseq', from: modseq }), [3, 4, 5, 6, 7, 8, 9]);
  });
});

describe('RFC 8621 §4.4 Email/query', () => {
  const newestFirst = [...known].sort(
    (a, b) => b.receivedAt.getTime() - a.receivedAt.getTime() || (a.id < b.id ? -1 : 1),
  );
  const newestIds = newestFirst.map((m) => m.id);
  const newest = [{ property: 'receivedAt', isAscending: false }] as const;
  const inInbox: SearchNode = { op: 'inMailbox', mailbox: inbox };

  for (const [node, matches] of LEAVES) {
    test(`filters by ${JSON.stringify(node).slice(0, 90)}`, async () => {
      const expected = newestFirst.filter(matches).map((m) => m.id);
      const everywhere = await account.queryEmails(query({ filter: node, sort: newest }));
      assert.deepEqual(everywhere.ids, expected);
      assert.equal(everywhere.total, expected.length);
      const filter: SearchNode = { op: 'and', nodes: [inInbox, node] };
      assert.deepEqual((await account.queryEmails(query({ filter, sort: newest }))).ids, expected);
    });
  }

  test('pages of a mailbox fit together, though many came at the same instant', async () => {
    const paged: EmailId[] = [];
    for (let position = 0; ; position += 7) {
      const page = await account.queryEmails(query({ filter: inInbox, sort: newest, position, limit: 7 }));
      assert.equal(page.total, known.length);
      assert.equal(page.position, position);
      if (page.ids.length === 0) break;
      paged.push(...page.ids);
    }
    assert.deepEqual(paged, newestIds);
    const oldest = await account.queryEmails(
      query({ filter: inInbox, sort: [{ property: 'receivedAt', isAscending: true }] }),
    );
    assert.deepEqual(new Set(oldest.ids), new Set(newestIds));
    assert.ok(oldest.ids.indexOf(known[0]!.id) < 2);
  });

  test('RFC 8621 §4.4.3 of a thread only the first is shown, and the total counts threads', async () => {
    for (const filter of [inInbox, { op: 'all' }, { op: 'keyword', keyword: kw('$seen') }] as const) {
      const seen = new Set<ThreadId>();
      const expected = newestFirst
        .filter((m) => filter.op !== 'keyword' || m.n % 2 === 1)
        .filter((m) => !seen.has(m.thread) && seen.add(m.thread))
        .map((m) => m.id);
      const { ids, total } = await account.queryEmails(query({ filter, sort: newest, collapseThreads: true }));
      assert.deepEqual(ids, expected);
      assert.equal(total, expected.length);
    }
    assert.ok(new Set(known.map((m) => m.thread)).size < known.length, 'there are threads of more than one');
  });

  test('RFC 8620 §5.5 a negative position counts from the end and stops at the first', async () => {
    for (const filter of [inInbox, { op: 'keyword', keyword: kw('$seen') }] as const) {
      const all = (await account.queryEmails(query({ filter, sort: newest }))).ids;
      for (const calculateTotal of [true, false]) {
        const page = await account.queryEmails(query({ filter, sort: newest, position: -5, limit: 3, calculateTotal }));
        assert.deepEqual(page.ids, all.slice(-5, -2));
        assert.equal(page.position, all.length - 5);
        assert.equal(page.total, calculateTotal ? all.length : undefined);
      }
      assert.equal((await account.queryEmails(query({ filter, sort: newest, position: -999 }))).position, 0);
    }
  });

  test('RFC 8620 §5.5 an anchor with its offset finds its page, one that is not there is refused', async () => {
    const anchor = newestIds[20]!;
    const page = async (anchorOffset: number) =>
      account.queryEmails(query({ filter: inInbox, sort: newest, anchor, anchorOffset, limit: 5 }));
    assert.deepEqual((await page(0)).ids, newestIds.slice(20, 25));
    assert.deepEqual((await page(-3)).ids, newestIds.slice(17, 22));
    assert.deepEqual((await page(-99)).ids, newestIds.slice(0, 5));
    assert.deepEqual((await page(25)).ids, newestIds.slice(45, 48));
    assert.equal((await page(99)).ids.length, 0);
    const gone = query({ filter: inInbox, sort: newest, anchor: 'enothere' as EmailId });
    await assert.rejects(account.queryEmails(gone), (e: unknown) => e instanceof Refusal && e.details[0] === 'anchor');
  });

  test('RFC 8620 §5.5 a position behind the end is an empty page, and a limit of nothing too', async () => {
    assert.deepEqual((await account.queryEmails(query({ filter: inInbox, position: 500 }))).ids, []);
    assert.deepEqual((await account.queryEmails(query({ filter: inInbox, limit: 0 }))).ids, []);
  });

  const KEYS: readonly (readonly [EmailQuery['sort'][number], (m: Known) => string | number])[] = [
    [{ property: 'size', isAscending: true }, (m) => m.octets.length],
    [{ property: 'from', isAscending: true }, (m) => `jorg ${m.n % 5}`],
    [{ property: 'to', isAscending: false }, () => 'bob@example.org'],
    [{ property: 'subject', isAscending: false }, (m) => `topic ${topicOf(m.n) % 7} ${plain(subjectWord(m))}`],
    [{ property: 'sentAt', isAscending: true }, (m) => (m.n % 28) * 24 + (m.n % 2 === 0 ? 10 : 33.5)],
    [{ property: 'keyword', isAscending: true, keyword: kw('work') }, (m) => (m.n % 7 === 0 ? 1 : 0)],
    [
      { property: 'someInThreadHaveKeyword', isAscending: false, keyword: kw('$flagged') },
      (m) => (threadOf(m).some((o) => o.n % 5 === 0) ? 1 : 0),
    ],
    [
      { property: 'allInThreadHaveKeyword', isAscending: true, keyword: kw('$seen') },
      (m) => (threadOf(m).every((o) => o.n % 2 === 1) ? 1 : 0),
    ],
  ];
  for (const [by, key] of KEYS) {
    test(`RFC 8621 §4.4.2 sorts by ${by.property}, ties newest first`, async () => {
      const sign = by.isAscending ? 1 : -1;
      const order = (a: Known, b: Known): number => (key(a) < key(b) ? -sign : key(a) > key(b) ? sign : 0);
      const expected = [...newestFirst].sort(order).map((m) => m.id);
      assert.deepEqual((await account.queryEmails(query({ filter: inInbox, sort: [by] }))).ids, expected);
    });
  }
});

function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
