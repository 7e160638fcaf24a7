/**
 * P1 and P4 under `kill -9` of the whole server while mail pours in and out: after a restart every message that got its 250 is in its mailbox once,
 * and every submitted one leaves.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { LineClient } from '../support/line-client.ts';
import { sampleMessage } from '../support/mail-samples.ts';
import { type RunningServer, startServer } from '../support/running-server.ts';
import { openSender } from '../support/senders.ts';
import { freshDatabase, freshKeyPrefix, mongodbUri, redisUrl } from '../support/services.ts';
import { openSink } from '../support/sink.ts';

const SENDERS = 8;
const KILLS = 3;
const ACCEPTED_BEFORE_KILL = 60;

const data = mkdtempSync(join(tmpdir(), 'waxwing-kill-'));
after(() => rmSync(data, { recursive: true, force: true }));

/** Subjects of everything in the Inbox. */
async function inboxSubjects(server: RunningServer): Promise<readonly string[]> {
  const client = await LineClient.open(server.port('imap'));
  await client.line();
  await client.imap('a', `LOGIN ${server.account.address} "${server.account.password}"`);
  await client.imap('b', 'SELECT INBOX');
  const { untagged } = await client.imap('c', 'FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])');
  client.destroy();
  return untagged.flatMap((line) => /^Subject: (.*)$/m.exec(line)?.[1]?.trim() ?? []);
}

test('P1, P4: kill -9 under load loses nothing that was accepted and delivers nothing twice', {
  timeout: 300_000,
}, async () => {
  const sink = await openSink();
  const settings = {
    mongodbUri: mongodbUri(),
    redisUrl: redisUrl(),
    database: freshDatabase(),
    keyPrefix: freshKeyPrefix(),
    data,
    set: [`outbound.smarthost=127.0.0.1:${sink.port}`, 'outbound.retrySeconds=1', 'log.level=warn'],
  };
  const received = new Set<string>();
  const submitted = new Set<string>();
  let number = 0;

  for (let round = 0; round < KILLS; round++) {
    const server = await startServer(settings);
    const { address, password } = server.account;
    const target = received.size + submitted.size + ACCEPTED_BEFORE_KILL;
    let killed: Promise<void> | null = null;
    const pour = async (kind: 'smtp' | 'submission', accepted: Set<string>): Promise<void> => {
      try {
        const sender = await openSender(
          kind,
          server.port(kind),
          kind === 'submission' ? { user: address, password } : undefined,
        );
        while (killed === null) {
          const subject = `${kind} ${++number}`;
          const [from, to] = kind === 'smtp' ? ['ada@remote.example', address] : [address, 'ada@remote.example'];
          await sender.send(from, to, sampleMessage({ from, to, bytes: 2048, subject }));
          accepted.add(subject);
          if (received.size + submitted.size >= target) killed ??= server.kill();
        }
      } catch (cause) {
        // Only the kill may cut a sender off.
        if (killed === null) throw cause;
      }
    };
    await Promise.all(
      Array.from({ length: SENDERS }, (_nothing, i) =>
        i % 2 === 0 ? pour('smtp', received) : pour('submission', submitted),
      ),
    );
    await killed;
  }

  const server = await startServer(settings);
  try {
    let inbox = await inboxSubjects(server);
    while (![...received].every((subject) => inbox.includes(subject))) inbox = await inboxSubjects(server);
    await sink.until((messages) => {
      const text = messages.map((message) => /^Subject: (.*)$/m.exec(message.octets.toString('latin1'))?.[1]?.trim());
      return [...submitted].every((subject) => text.includes(subject));
    });
    assert.deepEqual(
      inbox.filter((subject, i) => inbox.indexOf(subject) !== i),
      [],
      'nothing is stored twice',
    );
    assert.ok(received.size > 0 && submitted.size > 0, 'both ways were used');
  } finally {
    await server.stop();
    await sink.close();
  }
});
