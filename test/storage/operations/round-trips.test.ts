/** What goes over the wire to MongoDB, seen by command monitoring. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { CommandStartedEvent } from 'mongodb';
import type { Keyword } from '../../../src/mail/flags.ts';
import { asUid } from '../../../src/mail/ids.ts';
import { accountStore } from '../../../src/storage/account-store.ts';
import { Followers } from '../../../src/storage/changes/followers.ts';
import type { AccountStore, MailStore } from '../../../src/storage/mail-store.ts';
import { openDatabase } from '../../../src/storage/mongo/database.ts';
import { SHARD_KEYS } from '../../../src/storage/mongo/documents.ts';
import { AccountWriter } from '../../../src/storage/operations/account-writer.ts';
import { mailboxOfRole, messageFor, openFixture } from './store-fixture.ts';

const fixture = await openFixture();
const store: MailStore = fixture.store;
const seen: CommandStartedEvent[] = [];
let account: AccountStore;

before(async () => {
  const made = await fixture.account();
  // The same verbs over a connection that is listened to.
  const { uri, database: name, clock, log } = fixture.options;
  const database = await openDatabase({ uri, database: name, client: { monitorCommands: true } });
  database.client.on('commandStarted', (event) => seen.push(event));
  const followers = new Followers({ database, clock, log, redisUrl: null, keyPrefix: '', fastPollMs: 60_000 });
  const writer = new AccountWriter({
    database,
    now: Date.now,
    hooks: { committed: () => undefined, queued: () => undefined },
  });
  account = accountStore(
    { database, writer, followers } as Parameters<typeof accountStore>[0],
    made.account,
    made.account,
  );
  cleanups.push(async () => {
    await followers.close();
    await database.client.close();
  });
});
const cleanups: (() => Promise<void>)[] = [];
after(async () => {
  for (const cleanup of cleanups) await cleanup();
});

async function commandsOf(action: () => Promise<unknown>): Promise<CommandStartedEvent[]> {
  seen.length = 0;
  await action();
  return seen.filter((event) => !['hello', 'ping', 'endSessions'].includes(event.commandName));
}

const names = (events: readonly CommandStartedEvent[]): string[] =>
  events.map((event) => `${event.commandName} ${event.command[event.commandName]}`);

test('a small APPEND is eight round trips and one journaled commit', async () => {
  const inbox = await mailboxOfRole(account, 'inbox');
  await account.append([await messageFor(store, [inbox])]);
  const item = await messageFor(store, [inbox]);
  const commands = await commandsOf(() => account.append([item]));
  assert.deepEqual(names(commands), [
    'findAndModify accounts',
    'find messages',
    'update mailboxes',
    'insert messages',
    'insert bodies.files',
    'insert bodies.chunks',
    'insert changes',
    'commitTransaction 1',
  ]);
  // All in one transaction: only its commit is journaled, and at a majority.
  const transactions = new Set(
    commands.map((event) => `${event.command['lsid']?.id?.toString('hex')} ${event.command['txnNumber']}`),
  );
  assert.equal(transactions.size, 1);
  const commits = commands.filter((event) => event.command['writeConcern'] !== undefined);
  assert.deepEqual(
    commits.map((event) => event.commandName),
    ['commitTransaction'],
  );
  const { w, j, journal } = commits[0]!.command['writeConcern'];
  assert.deepEqual([w, j ?? journal], ['majority', true]);
});

test('32 APPENDs at once share the round trips of two', async () => {
  const inbox = await mailboxOfRole(account, 'inbox');
  const items = await Promise.all(Array.from({ length: 32 }, () => messageFor(store, [inbox])));
  const commands = await commandsOf(() => Promise.all(items.map((item) => account.append([item]))));
  assert.ok(commands.length <= 18, `${commands.length} commands: ${names(commands)}`);
});

test('no query on a sharded collection lacks its shard key', async () => {
  const inbox = await mailboxOfRole(account, 'inbox');
  const archive = await mailboxOfRole(account, 'archive');
  const all = [{ from: asUid(1), to: asUid(2 ** 32 - 1) }];
  const item = await messageFor(store, { role: 'inbox' }, { dedupe: 'k' });
  const commands = await commandsOf(async () => {
    await account.state();
    await account.quota();
    await account.mailbox(inbox);
    const { messages } = await account.append([item]);
    await account.append([item]);
    await account.changeFlags(inbox, all, { mode: 'add', keywords: ['$seen' as Keyword], deleted: true });
    await account.copyOrMove('copy', inbox, all, archive);
    await account.copyOrMove('copy', inbox, all, inbox);
    await account.copyOrMove('move', inbox, [{ from: asUid(1), to: asUid(3) }], archive);
    await account.expunge(archive);
    await account.changeEmails({
      update: new Map([[messages[0]!.id, { addKeywords: ['$flagged' as Keyword] }]]),
      destroy: [messages[0]!.id],
    });
    const { created } = await account.changeMailboxes({ create: new Map([['a', { name: 'A', parent: null }]]) });
    const made = created.get('a')!;
    assert.ok(made.ok);
    await account.copyOrMove('copy', inbox, all, made.value.id);
    await account.changeMailboxes({ destroy: [made.value.id], onDestroyRemoveEmails: true });
    await account.changesSince((await account.state()).modseq);
  });
  const offenders = commands.filter((event) => !hasShardKey(event)).map((event) => JSON.stringify(event.command));
  assert.deepEqual(offenders, []);
  assert.ok(commands.length > 40);
  // Every index of `messages` begins with the account: without a hint the planner may take any, and remember it.
  const unhinted = commands.filter(
    (event) => event.command['find'] === 'messages' && event.command['hint'] === undefined,
  );
  assert.deepEqual(
    unhinted.map((event) => JSON.stringify(event.command['filter'])),
    [],
  );
});

function hasShardKey({ commandName, command }: CommandStartedEvent): boolean {
  const collection = command[commandName];
  const key = SHARD_KEYS[String(collection)];
  if (key === undefined) return true;
  const filters: Record<string, unknown>[] = [];
  if (commandName === 'insert')
    return command['documents'].every((row: Record<string, unknown>) => row[key] !== undefined);
  if (commandName === 'find') filters.push(command['filter']);
  if (commandName === 'findAndModify') filters.push(command['query']);
  if (commandName === 'update') filters.push(...command['updates'].map((u: { q: Record<string, unknown> }) => u.q));
  if (commandName === 'delete') filters.push(...command['deletes'].map((d: { q: Record<string, unknown> }) => d.q));
  if (commandName === 'aggregate') filters.push(command['pipeline'][0]?.$match ?? {});
  return filters.length > 0 ? filters.every((filter) => filter[key] !== undefined) : commandName === 'getMore';
}
