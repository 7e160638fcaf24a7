/**
 * `npm run demo`: one message all the way round, on a server of its own. It comes in by SMTP, is seen by IMAP IDLE and by JMAP EventSource, is read
 * over JMAP, answered by submission and by JMAP, waits in the queue, and leaves by SMTP to another server.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { ImapFlow } from 'imapflow';
import { createTransport } from 'nodemailer';
import { startServer } from '../test/support/running-server.ts';
import { openSink } from '../test/support/sink.ts';

const STEP_LIMIT_MS = 15_000;
const uri = process.env.WAXWING_TEST_MONGODB_URI;
const redis = process.env.WAXWING_TEST_REDIS_URL;
if (!uri || !redis) throw new Error('run it by `npm run demo`, which starts the services');

const isTerminal = process.stdout.isTTY === true;
const green = (text: string): string => (isTerminal ? `\u001b[32m${text}\u001b[0m` : text);

/** Runs one step and prints it with a tick and its time; a step that doesn't come in time ends the demonstration. */
async function step<T>(sentence: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${STEP_LIMIT_MS / 1000} s: ${sentence}`)), STEP_LIMIT_MS);
  });
  try {
    const result = await Promise.race([work(), limit]);
    console.log(`  ${green('✓')} ${sentence.padEnd(74)} ${(performance.now() - startedAt).toFixed(0).padStart(6)} ms`);
    return result;
  } catch (cause) {
    console.log(`  ✗ ${sentence}`);
    throw cause;
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when the other server has a message with that word. */
const arrival = (word: string): Promise<void> =>
  remote.until((messages) => messages.some((message) => message.octets.includes(word)));

/** Opens the event source and gives the promise of the first change of Email after it is open. */
async function emailChange(url: string, authorization: string): Promise<{ readonly seen: Promise<void> }> {
  const stop = new AbortController();
  const response = await fetch(url.replace('{types}', 'Email').replace('{closeafter}', 'no').replace('{ping}', '0'), {
    headers: { authorization },
    signal: stop.signal,
  });
  const reader = response.body?.getReader();
  if (!response.ok || !reader) throw new Error(`the event source answered ${response.status}`);
  const seen = (async () => {
    for (let text = ''; !/event: state[\s\S]*"Email"/.test(text); ) {
      const { value, done } = await reader.read();
      if (done) throw new Error('the event source ended');
      text += Buffer.from(value).toString();
    }
    stop.abort();
  })();
  return { seen };
}

const remote = await openSink();
const name = `demo_${randomBytes(4).toString('hex')}`;
console.log('\nWaxwing: one message all the way round\n');
const server = await step('a server with a database of its own is up', () =>
  startServer({
    mongodbUri: uri,
    redisUrl: redis,
    database: name,
    keyPrefix: `${name}:`,
    set: [`outbound.smarthost=127.0.0.1:${remote.port}`],
  }),
);
const { address, password } = server.account;
const authorization = `Basic ${Buffer.from(`${address}:${password}`).toString('base64')}`;
const api = async (methodCalls: readonly unknown[]): Promise<readonly [string, Record<string, unknown>][]> => {
  const response = await fetch(`${server.ready.http}/jmap/api`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({
      using: ['urn:ietf:params:jmap:core', 'urn:ietf:params:jmap:mail', 'urn:ietf:params:jmap:submission'],
      methodCalls,
    }),
  });
  const { methodResponses } = (await response.json()) as { methodResponses: [string, Record<string, unknown>][] };
  const failed = methodResponses.find(
    ([method, args]) => method === 'error' || (args.notCreated && Object.keys(args.notCreated).length > 0),
  );
  if (failed) throw new Error(JSON.stringify(failed));
  return methodResponses;
};

let failure: unknown = null;
const imap = new ImapFlow({
  host: '127.0.0.1',
  port: server.port('imaps'),
  secure: true,
  tls: { rejectUnauthorized: false },
  auth: { user: address, pass: password },
  logger: false,
});
try {
  await step(`IMAP client logs in as ${address}, selects INBOX and idles`, async () => {
    await imap.connect();
    await imap.mailboxOpen('INBOX');
    void imap.idle();
  });
  const session = await step('JMAP client reads /.well-known/jmap', async () => {
    const response = await fetch(`${server.ready.http}/.well-known/jmap`, { headers: { authorization } });
    return (await response.json()) as { eventSourceUrl: string; primaryAccounts: Record<string, string> };
  });
  const accountId = session.primaryAccounts['urn:ietf:params:jmap:mail'];
  const pushed = await step('JMAP client opens the event source', () =>
    emailChange(session.eventSourceUrl, authorization),
  );

  const existed = once(imap, 'exists');
  await step('a message arrives by SMTP and is accepted with 250', async () => {
    const transport = createTransport({
      host: '127.0.0.1',
      port: server.port('smtp'),
      secure: false,
      tls: { rejectUnauthorized: false },
    });
    await transport.sendMail({
      from: 'Ada <ada@remote.example>',
      to: address,
      subject: 'Round trip',
      text: 'Does it come round?',
      messageId: '<question@remote.example>',
    });
    transport.close();
  });
  await Promise.all([
    step('the idle IMAP client sees it', () => existed),
    step('the JMAP event source tells of it', () => pushed.seen),
  ]);

  const email = await step('JMAP client finds and reads it', async () => {
    const responses = await api([
      ['Email/query', { accountId, limit: 1 }, 'q'],
      [
        'Email/get',
        {
          accountId,
          '#ids': { resultOf: 'q', name: 'Email/query', path: '/ids' },
          properties: ['subject', 'from', 'messageId', 'preview'],
        },
        'g',
      ],
      ['Identity/get', { accountId, ids: null }, 'i'],
      ['Mailbox/get', { accountId, ids: null, properties: ['role'] }, 'm'],
    ]);
    const listOf = <T>(turn: number): readonly T[] => (responses[turn]?.[1].list ?? []) as readonly T[];
    const [found] = listOf<{ subject: string; messageId: string[] }>(1);
    if (found?.subject !== 'Round trip') throw new Error('the message is not there');
    return {
      found,
      identity: listOf<{ id: string }>(2)[0]?.id,
      sent: listOf<{ id: string; role: string }>(3).find((mailbox) => mailbox.role === 'sent')?.id,
    };
  });
  await step('it is answered over submission, logged in, with STARTTLS', async () => {
    const transport = createTransport({
      host: '127.0.0.1',
      port: server.port('submission'),
      secure: false,
      requireTLS: true,
      tls: { rejectUnauthorized: false },
      auth: { user: address, pass: password },
    });
    await transport.sendMail({
      from: address,
      to: 'ada@remote.example',
      subject: 'Re: Round trip',
      text: 'answer-by-submission',
      inReplyTo: email.found.messageId[0],
    });
    transport.close();
  });
  await step('the other server has that answer', () => arrival('answer-by-submission'));
  await step('it is answered over JMAP: Email/set and EmailSubmission/set', () =>
    api([
      [
        'Email/set',
        {
          accountId,
          create: {
            answer: {
              mailboxIds: { [email.sent ?? '']: true },
              keywords: { $seen: true },
              from: [{ email: address }],
              to: [{ email: 'ada@remote.example' }],
              subject: 'Re: Round trip',
              inReplyTo: email.found.messageId,
              bodyValues: { t: { value: 'answer-by-jmap' } },
              textBody: [{ partId: 't', type: 'text/plain' }],
            },
          },
        },
        'e',
      ],
      ['EmailSubmission/set', { accountId, create: { send: { emailId: '#answer', identityId: email.identity } } }, 's'],
    ]),
  );
  await step('the other server has that answer, too', () => arrival('answer-by-jmap'));
  console.log('\nAll of it holds.\n');
} catch (cause) {
  failure = cause;
} finally {
  imap.close();
  await server.stop();
  await remote.close();
}
if (failure) {
  console.error('\nThe demonstration failed:', failure instanceof Error ? failure.message : failure);
  process.exitCode = 1;
}
