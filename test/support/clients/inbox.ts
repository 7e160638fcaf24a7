/** Mail put in by SMTP, and a second client of the same account that sees it come: what journeys with real clients begin with. */
import assert from 'node:assert/strict';
import { LineClient } from '../line-client.ts';
import type { RunningServer } from '../running-server.ts';
import { openSender } from '../senders.ts';
import { dotStuffed } from './varied-mail.ts';

/** To the first account, each accepted by a 250. */
export async function deliverAll(server: RunningServer, messages: readonly Buffer[]): Promise<void> {
  const sender = await openSender('smtp', server.port('smtp'));
  for (const message of messages) await sender.send('ada@remote.example', server.account.address, dotStuffed(message));
  await sender.close();
}

/** A session of the first account with INBOX selected, as soon as it holds `count` messages. */
export async function inboxWith(server: RunningServer, count: number): Promise<LineClient> {
  const client = await LineClient.open(server.port('imap'));
  await client.line();
  assert.match((await client.imap('a', `LOGIN ${server.account.address} "${server.account.password}"`)).status, /^OK/);
  const { untagged } = await client.imap('b', 'SELECT INBOX');
  if (untagged.includes(`* ${count} EXISTS`)) return client;
  await client.send('c IDLE');
  for (let line = await client.line(); line !== `* ${count} EXISTS`; line = await client.line())
    assert.notEqual(line, null, 'the session goes on');
  await client.send('DONE');
  await client.imapResponse('c');
  return client;
}
