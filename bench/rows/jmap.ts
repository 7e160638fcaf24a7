/** The inbox page of a JMAP web client: one request with four calls and result references (RFC 8620 §3.7). */
import { type Bench, PASSWORD } from '../support/bench-server.ts';
import { measure, type Row, repeat } from '../support/measure.ts';

const PAGE_SIZE = 50;
const LIST_PROPERTIES = [
  'threadId',
  'mailboxIds',
  'keywords',
  'from',
  'subject',
  'receivedAt',
  'size',
  'preview',
  'hasAttachment',
];

export async function* jmapRows(bench: Bench, messages: number, scale: number): AsyncIterable<Row> {
  const base = bench.server.ready.http ?? '';
  const authorization = `Basic ${Buffer.from(`${bench.lister}:${PASSWORD}`).toString('base64')}`;
  const session = (await (await fetch(`${base}/.well-known/jmap`, { headers: { authorization } })).json()) as {
    apiUrl: string;
    primaryAccounts: Record<string, string>;
  };
  const accountId = session.primaryAccounts['urn:ietf:params:jmap:mail'];
  const call = async (
    methodCalls: readonly unknown[],
  ): Promise<readonly [string, Record<string, unknown>, string][]> => {
    const response = await fetch(session.apiUrl, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ using: ['urn:ietf:params:jmap:core', 'urn:ietf:params:jmap:mail'], methodCalls }),
    });
    const body = (await response.json()) as { methodResponses: [string, Record<string, unknown>, string][] };
    const failed = body.methodResponses.find(([name]) => name === 'error');
    if (failed) throw new Error(JSON.stringify(failed));
    return body.methodResponses;
  };
  const [, found] = (await call([['Mailbox/get', { accountId, ids: null }, '0']]))[0] ?? [];
  const inbox = ((found?.list ?? []) as { id: string; role: string | null }[]).find(
    (mailbox) => mailbox.role === 'inbox',
  )?.id;
  const page = [
    ['Mailbox/get', { accountId, ids: null }, '0'],
    [
      'Email/query',
      {
        accountId,
        filter: { inMailbox: inbox },
        sort: [{ property: 'receivedAt', isAscending: false }],
        collapseThreads: true,
        limit: PAGE_SIZE,
        calculateTotal: true,
      },
      '1',
    ],
    [
      'Email/get',
      { accountId, '#ids': { resultOf: '1', name: 'Email/query', path: '/ids' }, properties: LIST_PROPERTIES },
      '2',
    ],
    ['Thread/get', { accountId, '#ids': { resultOf: '2', name: 'Email/get', path: '/list/*/threadId' } }, '3'],
  ];
  for (const connections of [1, 16]) {
    const count = Math.max(5, Math.round((connections === 1 ? 60 : 240) * scale));
    yield await measure(
      `JMAP inbox page (4 calls), ${messages} messages, ${connections} connection${connections === 1 ? '' : 's'}`,
      bench.pids,
      async () => ({
        count,
        timesMs: await repeat(count, connections, async () => void (await call(page))),
      }),
    );
  }
}
