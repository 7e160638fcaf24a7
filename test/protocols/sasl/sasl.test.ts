import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Deferral, Refusal } from '../../../src/mail/refusal.ts';
import { createAuthenticator } from '../../../src/protocols/sasl/authenticate.ts';
import { decodeBase64Line, decodeInitialResponse } from '../../../src/protocols/sasl/base64-line.ts';
import { beginSasl, SASL_MECHANISMS } from '../../../src/protocols/sasl/begin-sasl.ts';
import { LOGIN_BRAKE_LIMITS, LocalLoginBrake } from '../../../src/protocols/sasl/login-brake.ts';
import { networkOf } from '../../../src/protocols/stream/network-of.ts';
import type { Clock } from '../../../src/server/clock.ts';
import type { AccountInfo, Directory } from '../../../src/storage/mail-store.ts';

const plain = (text: string) => beginSasl('PLAIN')!.begin(Buffer.from(text));

test('RFC 4616 §2 takes authzid, authcid and password apart', () => {
  assert.deepEqual(plain('\0tim\0tanstaaf'), {
    kind: 'credentials',
    credentials: { authzid: '', authcid: 'tim', password: 'tanstaaf' },
  });
  assert.deepEqual(plain('Ursel\0Kurt\0xipj3plmq'), {
    kind: 'credentials',
    credentials: { authzid: 'Ursel', authcid: 'Kurt', password: 'xipj3plmq' },
  });
});

for (const bad of [
  '',
  '\0',
  '\0\0',
  'a\0b',
  '\0a\0',
  '\0\0b',
  '\0a\0b\0c',
  '\0a\n\0b',
  '\0a\0\xff',
  `\0a\0${'x'.repeat(5_000)}`,
]) {
  test(`RFC 4616 §2 finds ${JSON.stringify(bad.slice(0, 20))} malformed`, () => {
    assert.deepEqual(beginSasl('plain')!.begin(Buffer.from(bad, 'latin1')), { kind: 'malformed' });
  });
}

test('RFC 4648 §3.3 base64 is strict', () => {
  for (const bad of ['A', 'AA', 'AAA', 'AB==', 'AA=A', 'A A=', 'AAAA=', '====', 'AA\r\n', 'AA-_']) {
    assert.equal(decodeBase64Line(bad), null, bad);
  }
  assert.deepEqual(decodeInitialResponse('='), Buffer.alloc(0));
  fc.assert(
    fc.property(fc.uint8Array(), (octets) => {
      assert.deepEqual(decodeBase64Line(Buffer.from(octets).toString('base64')), Buffer.from(octets));
    }),
  );
});

test('RFC 4422 §3 no mechanism throws whatever it is given', () => {
  fc.assert(
    fc.property(fc.constantFrom(...SASL_MECHANISMS), fc.array(fc.uint8Array()), (name, responses) => {
      const exchange = beginSasl(name)!;
      let step = exchange.begin(null);
      for (const response of responses) if (step.kind === 'challenge') step = exchange.respond(Buffer.from(response));
      assert.ok(['challenge', 'credentials', 'malformed'].includes(step.kind));
    }),
  );
});

test('RFC 6177 §2 counts IPv6 by the /64', () => {
  assert.equal(networkOf('2001:db8:0:1::5'), networkOf('2001:db8::1:0:0:0:9'));
  assert.notEqual(networkOf('2001:db8:0:1::5'), networkOf('2001:db8:0:2::5'));
  assert.equal(networkOf('::ffff:10.0.0.1'), '10.0.0.1');
  assert.notEqual(networkOf('10.0.0.1'), networkOf('10.0.0.2'));
});

/** A clock that stands until it is moved; waits are noted and over at once. */
class HandClock implements Clock {
  ms = Date.UTC(2026, 10, 24);
  readonly waits: number[] = [];
  now = (): Date => new Date(this.ms);
  wait = async (ms: number): Promise<void> => {
    this.waits.push(ms);
  };
}
const attempt = { remoteAddress: '192.0.2.1', user: 'alice@example.test' };
const isLimited = (error: unknown): boolean => error instanceof Deferral && error.code === 'limited';

test('the brake: each failure makes the next answer wait longer, up to a limit', async () => {
  const clock = new HandClock();
  const brake = new LocalLoginBrake(clock);
  for (let i = 0; i < 7; i++) await brake.failed(attempt);
  assert.deepEqual(clock.waits, [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
});

test('the brake: too many failures are turned away, until the window is over', async () => {
  const clock = new HandClock();
  const brake = new LocalLoginBrake(clock);
  for (let i = 0; i < LOGIN_BRAKE_LIMITS.maxPairFailures; i++) await brake.failed(attempt);
  await assert.rejects(brake.admit(attempt), isLimited);
  await assert.rejects(brake.admit({ ...attempt, user: 'ALICE@example.test' }), isLimited);
  await brake.admit({ ...attempt, user: 'bob@example.test' });
  await brake.admit({ ...attempt, remoteAddress: '192.0.2.2' });
  clock.ms += LOGIN_BRAKE_LIMITS.windowMs;
  await brake.admit(attempt);
});

test('the brake: one password tried on many users is turned away by address', async () => {
  const brake = new LocalLoginBrake(new HandClock());
  for (let i = 0; i < LOGIN_BRAKE_LIMITS.maxAddressFailures; i++) {
    await brake.failed({ ...attempt, user: `user${i}@example.test` });
  }
  await assert.rejects(brake.admit({ ...attempt, user: 'fresh@example.test' }), isLimited);
});

test('the brake: a success forgets the failures of the user; memory is bounded', async () => {
  const brake = new LocalLoginBrake(new HandClock(), { ...LOGIN_BRAKE_LIMITS, maxEntries: 10 });
  for (let i = 0; i < 9; i++) await brake.failed(attempt);
  await brake.succeeded(attempt);
  await brake.failed(attempt);
  await brake.admit(attempt);
  for (let i = 0; i < 1_000; i++) await brake.failed({ remoteAddress: `10.0.${i >> 8}.${i & 255}`, user: 'x' });
});

test('RFC 4616 §2 nobody acts for another; a directory that is away is no failure', async () => {
  const account = { id: 'x', addresses: ['alice@example.test', 'al@example.test'] } as unknown as AccountInfo;
  const clock = new HandClock();
  let isAway = false;
  const directory = {
    authenticate: async (_: string, password: string) => {
      if (isAway) throw new Deferral('unavailable', 'away');
      if (password !== 'right') throw new Refusal('authenticationFailed', 'authentication failed');
      return account;
    },
  } as unknown as Directory;
  const { authenticate } = createAuthenticator(directory, new LocalLoginBrake(clock));
  const login = (authzid: string, password = 'right') =>
    authenticate({ authcid: 'alice@example.test', authzid, password }, '192.0.2.1');
  assert.equal(await login(''), account);
  assert.equal(await login('Alice@Example.test'), account);
  assert.equal(await login('al@example.test'), account);
  const isRefused = (error: unknown): boolean => error instanceof Refusal && error.code === 'authenticationFailed';
  await assert.rejects(login('bob@example.test'), isRefused);
  await assert.rejects(login('', 'wrong'), isRefused);
  assert.equal(clock.waits.length, 2);
  isAway = true;
  await assert.rejects(login(''), (error) => error instanceof Deferral && error.code === 'unavailable');
  assert.equal(clock.waits.length, 2);
});
