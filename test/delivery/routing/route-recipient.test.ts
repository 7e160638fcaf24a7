import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RoutingOptions, routeRecipient } from '../../../src/delivery/routing/route-recipient.ts';
import { parseAddress } from '../../../src/mail/address.ts';
import { Refusal } from '../../../src/mail/refusal.ts';
import { openSmtpWorld } from '../../protocols/smtp/smtp-world.ts';

const world = await openSmtpWorld();
const { directory } = world.store;
await directory.createAccount({ address: parseAddress('full@example.test')!, password: 'a password', maxMessages: 0 });
const OUTSIDE: RoutingOptions = { mayRelay: false, mindQuota: true };
const USER: RoutingOptions = { mayRelay: true };

const TABLE: readonly (readonly [string, RoutingOptions, unknown])[] = [
  ['alice@example.test', OUTSIDE, { lane: 'local', account: world.alice.account }],
  ['Alice+tag@example.test', OUTSIDE, { lane: 'local', account: world.alice.account }],
  ['x@example.net', OUTSIDE, 'forbidden'],
  ['x@example.net', USER, { lane: 'example.net' }],
  ['x@bücher.example', USER, { lane: 'xn--bcher-kva.example' }],
  ['x@[192.0.2.1]', USER, { lane: '[192.0.2.1]' }],
  ['x@sub.example.test', OUTSIDE, 'forbidden'],
  ['nobody@example.test', OUTSIDE, 'notFound'],
  ['nobody@example.test', USER, 'notFound'],
  ['full@example.test', OUTSIDE, 'overQuota'],
];
for (const [address, options, expected] of TABLE) {
  test(`RFC 5321 §3.6.2: ${address} ${options.mayRelay ? 'from a user' : 'from outside'}`, async () => {
    const route = await routeRecipient(directory, parseAddress(address)!, options);
    assert.deepEqual(route instanceof Refusal ? route.code : route, expected);
  });
}

test('a full mailbox is no reason to refuse a user’s message', async () => {
  assert.ok(!((await routeRecipient(directory, parseAddress('full@example.test')!, USER)) instanceof Refusal));
});
