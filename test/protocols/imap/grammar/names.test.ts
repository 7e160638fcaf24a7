import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matchesPattern } from '../../../../src/protocols/imap/grammar/list-pattern.ts';
import { decodeModifiedUtf7, encodeModifiedUtf7 } from '../../../../src/protocols/imap/grammar/modified-utf7.ts';
import { MailboxTree, readMailboxName } from '../../../../src/protocols/imap/session/mailbox-names.ts';

const decode = (text: string): string | null => decodeModifiedUtf7(Buffer.from(text, 'latin1'));

test('RFC 3501 §5.1.3 names in modified UTF-7, both ways', () => {
  for (const [name, wire] of [
    ['INBOX', 'INBOX'],
    ['A&B', 'A&-B'],
    ['~peter/mail/台北/日本語', '~peter/mail/&U,BTFw-/&ZeVnLIqe-'],
    ['Entwürfe', 'Entw&APw-rfe'],
    ['📧', '&2D3c5w-'],
  ] as const) {
    assert.equal(encodeModifiedUtf7(name), wire);
    assert.equal(decode(wire), name);
  }
});

test('RFC 3501 §5.1.3 each name has one form only', () => {
  for (const wire of ['&', '&Jjo', '&AGE-', '&U,BTFw-&ZeVnLIqe-', '&2D0-', '&A-', 'Entwürfe', 'a\tb', '&AP/-', '&!!-'])
    assert.equal(decode(wire), null, wire);
});

test('RFC 3501 §5.1.3 decoding gives back what was encoded, and nothing decodes to a name of another form', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (text) => {
      const name = text.replace(/[\x00-\x1f\x7f]/g, '');
      if (name.isWellFormed()) assert.equal(decode(encodeModifiedUtf7(name)), name);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'&-AUz09+,/ab'), maxLength: 12 }), (wire) => {
      const name = decode(wire);
      if (name !== null) assert.equal(encodeModifiedUtf7(name), wire);
    }),
  );
});

test('RFC 9051 §5.1 INBOX is INBOX in any case, its inferior names too', () => {
  assert.equal(readMailboxName(Buffer.from('inBox')), 'INBOX');
  assert.equal(readMailboxName(Buffer.from('inbox/Work')), 'INBOX/Work');
  assert.equal(readMailboxName(Buffer.from('inboxes')), 'inboxes');
});

test('RFC 9051 §6.3.9 wildcards: star passes the delimiter, percent does not', () => {
  const cases: [string, string, boolean][] = [
    ['*', 'a/b/c', true],
    ['%', 'a', true],
    ['%', 'a/b', false],
    ['a/%', 'a/b', true],
    ['a/%', 'a/b/c', false],
    ['%/%', 'a/b', true],
    ['a*c', 'a/b/c', true],
    ['a%c', 'abc', true],
    ['', '', true],
    ['', 'a', false],
    ['INBOX', 'INBOX', true],
    ['*x', 'a/b', false],
  ];
  for (const [pattern, name, expected] of cases)
    assert.equal(matchesPattern(pattern, name), expected, `${pattern} ${name}`);
});

test('a pattern of stars takes no longer than any other', () => {
  assert.equal(matchesPattern(`${'*a'.repeat(400)}b`, 'a'.repeat(255)), false);
});

test('a name of another protocol that holds the delimiter is shown by one that does not', () => {
  const tree = new MailboxTree([
    { id: 'm1', name: 'Inbox', parent: null, role: 'inbox' },
    { id: 'm2', name: 'a/b', parent: null, role: null },
    { id: 'm3', name: 'c', parent: 'm2', role: null },
  ] as unknown as ConstructorParameters<typeof MailboxTree>[0]);
  assert.deepEqual(
    tree.all.map(({ path, hasChildren }) => [path, hasChildren]),
    [
      ['INBOX', false],
      ['a∕b', true],
      ['a∕b/c', false],
    ],
  );
  assert.equal(tree.require('a∕b/c').mailbox.id, 'm3');
});
