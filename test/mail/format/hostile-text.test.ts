// Whatever octets arrive, every parser answers: none throws, and what is folded or cleaned stays so.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseAddressList } from '../../../src/mail/format/address-list.ts';
import { baseSubject } from '../../../src/mail/format/base-subject.ts';
import { decodeCharset } from '../../../src/mail/format/charset.ts';
import { parseDateTime } from '../../../src/mail/format/date-time.ts';
import { headerText, parseHeaderBlock } from '../../../src/mail/format/header-block.ts';
import * as forms from '../../../src/mail/format/header-forms.ts';
import { htmlToText } from '../../../src/mail/format/html-text.ts';
import { indexMessage } from '../../../src/mail/format/message-indexer.ts';
import { parseDisposition, parseMediaType } from '../../../src/mail/format/parameters.ts';
import { previewOfText } from '../../../src/mail/format/preview.ts';
import { foldForSearch } from '../../../src/mail/format/search-fold.ts';

const anyText = fc.string({ unit: 'binary', maxLength: 200 });
const anyOctets = fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array));
const signs = fc
  .array(
    fc.constantFrom(
      '<',
      '>',
      '(',
      ')',
      '"',
      '\\',
      '@',
      ',',
      ';',
      ':',
      '[',
      ']',
      '=?',
      '?=',
      '*',
      "'",
      '%',
      '/',
      '.',
      ' ',
      'a',
      'é',
      '\0',
      '\r\n',
      '1',
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(''));
const text = fc.oneof(anyText, signs);

test('text parsers answer to any text', () => {
  fc.assert(
    fc.property(text, (input) => {
      for (const { mailbox, host, name } of parseAddressList(input).addresses) {
        assert.ok(host === null || mailbox !== null);
        assert.notEqual(name, '');
      }
      assert.ok(baseSubject(input).base.length <= input.length);
      const sentAt = parseDateTime(input);
      if (sentAt !== null) assert.ok(!Number.isNaN(sentAt.date.getTime()));
      const media = parseMediaType(input);
      if (media !== null) assert.match(`${media.type}/${media.subtype}`, /^[^\s/]+\/[^\s/]+$/);
      const disposition = parseDisposition(input);
      if (disposition !== null) assert.match(disposition.type, /^\S+$/);
      assert.ok(previewOfText(htmlToText(input)).length <= 256);
    }),
    { numRuns: 3_000 },
  );
});

test('octet parsers answer to any octets', () => {
  const labels = fc.constantFrom(
    null,
    'utf-8',
    'iso-2022-jp',
    'utf-7',
    'utf-16',
    'gb18030',
    'big5',
    'euc-jp',
    'x-odd',
    '../x',
  );
  fc.assert(
    fc.property(anyOctets, labels, (octets, charset) => {
      assert.equal(typeof decodeCharset(octets, charset).text, 'string');
      assert.ok(parseHeaderBlock(octets).bodyStart <= octets.length);
      assert.doesNotMatch(headerText(octets), /[\r\n\0]/);
      for (const form of [forms.asRaw, forms.asText]) assert.ok(!form(octets).includes('\0'));
      for (const form of [forms.asAddresses, forms.asGroupedAddresses]) assert.ok(Array.isArray(form(octets)));
      for (const form of [forms.asMessageIds, forms.asUrls]) assert.notEqual(form(octets)?.length, 0);
      assert.equal(indexMessage(octets).size, octets.length);
    }),
    { numRuns: 2_000 },
  );
});

test('folding for search is stable: folding twice changes nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (input) => {
      const folded = foldForSearch(input);
      assert.equal(foldForSearch(folded), folded);
    }),
    { numRuns: 5_000 },
  );
});

test('folding for search meets upper case, wide and decomposed writing of the same word', () => {
  for (const word of ['straße', 'ÉTÉ', 'Ωmega', 'İzmir', 'ｆｕｌｌ', 'ﬀ', 'Ǆ', 'ẞ']) {
    const folded = foldForSearch(word);
    for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD'] as const)
      assert.equal(foldForSearch(word.normalize(form)), folded);
    assert.equal(foldForSearch(word.toUpperCase()), folded);
  }
});
