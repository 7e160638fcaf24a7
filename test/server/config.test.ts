import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigError, loadConfig } from '../../src/server/config.ts';
import { renderConfigReference } from '../../src/server/config-reference.ts';
import { projectRoot } from '../support/project-root.ts';

const load = (options: Parameters<typeof loadConfig>[0]) => loadConfig({ environment: {}, ...options });

function tomlFile(text: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'waxwing-config-')), 'waxwing.toml');
  writeFileSync(file, text);
  return file;
}

test('the defaults of development listen on loopback, trap foreign mail and allow plain logins there', () => {
  const config = load({});
  assert.equal(config.server.host, '127.0.0.1');
  assert.equal(config.outbound.mode, 'trap');
  assert.equal(config.auth.allowPlaintextOnLoopback, true);
  assert.equal(config.ports.imap, 2143);
});

test('the defaults of production use the standard ports, deliver, and allow no plain login', () => {
  const config = load({ set: ['profile=production'] });
  assert.deepEqual([config.ports.smtp, config.ports.submission, config.ports.imaps], [25, 587, 993]);
  assert.equal(config.outbound.mode, 'deliver');
  assert.equal(config.auth.allowPlaintextOnLoopback, false);
  assert.equal(config.firstAccount.address, null);
});

test('--set wins over the environment, which wins over the file, which wins over the defaults', () => {
  const file = tomlFile('[limits]\nmessageBytes = 2000\nrecipientsMx = 5\nconnections = 7\n');
  const environment = { WAXWING_LIMITS_RECIPIENTS_MX: '6', WAXWING_LIMITS_CONNECTIONS: '8' };
  const { limits } = load({ file, environment, set: ['limits.connections=9'] });
  assert.deepEqual(
    [limits.messageBytes, limits.recipientsMx, limits.connections, limits.recipientsSubmission],
    [2000, 6, 9, 1000],
  );
});

test('ports=auto takes a free port for every listener, off leaves one out', () => {
  assert.deepEqual(new Set(Object.values(load({ set: ['ports=auto'] }).ports)), new Set([0]));
  assert.equal(load({ set: ['ports=auto', 'ports.lmtp=off'] }).ports.lmtp, null);
});

test('lists are written with commas', () => {
  assert.deepEqual(load({ set: ['outbound.retrySeconds=60, 300'] }).outbound.retrySeconds, [60, 300]);
  assert.deepEqual(load({ roles: 'imap,jmap' }).server.roles, ['imap', 'jmap']);
});

const MISTAKES: readonly [string, Parameters<typeof loadConfig>[0], RegExp][] = [
  ['an unknown setting', { set: ['limits.nothing=1'] }, /limits\.nothing \(from --set\) is no setting/],
  ['a prototype name', { set: ['__proto__.polluted=1'] }, /is no setting/],
  ['a value of the wrong type', { set: ['limits.messageBytes=big'] }, /limits\.messageBytes \(from --set\)/],
  [
    'a value out of bounds',
    { environment: { WAXWING_PORTS_IMAP: '70000' } },
    /ports\.imap \(from WAXWING_PORTS_IMAP\)/,
  ],
  ['a set without a value', { set: ['limits.messageBytes'] }, /write it as key=value/],
  ['an unknown profile', { set: ['profile=staging'] }, /must be one of development, production/],
  ['an unknown role', { roles: 'imap,dance' }, /server\.roles \(from --roles\)/],
  ['a smarthost without a port', { set: ['outbound.smarthost=relay'] }, /outbound\.smarthost.*HOST:PORT/],
  ['a file that is not there', { file: '/nowhere/waxwing.toml' }, /can't be read/],
  ['a file that is no TOML', { file: tomlFile('[limits\n') }, /can't be read/],
];
for (const [title, sources, sentence] of MISTAKES) {
  test(`${title} is one clear sentence`, () => {
    assert.throws(
      () => load(sources),
      (cause) => cause instanceof ConfigError && sentence.test(cause.message),
    );
  });
}

test('config/reference.md is what the schema says', () => {
  assert.equal(readFileSync(join(projectRoot(), 'config', 'reference.md'), 'utf8'), renderConfigReference());
});

test('the example configuration holds', () => {
  assert.equal(load({ file: join(projectRoot(), 'config', 'waxwing.example.toml') }).profile, 'production');
});
