import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyParts } from '../../../src/mail/format/body-parts.ts';
import { indexMessage } from '../../../src/mail/format/message-indexer.ts';
import type { PartNode } from '../../../src/mail/format/structure.ts';
import { latin1 } from './octets.ts';

/** A leaf is [name, type, extra fields]; a multipart is [subtype, ...parts]. */
type Spec = { readonly leaf: string; readonly type: string; readonly fields?: string } | readonly [string, ...Spec[]];

let boundaries = 0;

function write(spec: Spec): string {
  if ('leaf' in spec) return `Content-Type: ${spec.type}\r\nContent-ID: <${spec.leaf}>\r\n${spec.fields ?? ''}\r\nx`;
  boundaries += 1;
  const boundary = `b${boundaries}b`;
  const [subtype, ...parts] = spec;
  const body = parts.map((part) => `--${boundary}\r\n${write(part)}\r\n`).join('');
  return `Content-Type: multipart/${subtype}; boundary=${boundary}\r\n\r\n${body}--${boundary}--`;
}

const text = (leaf: string, fields = ''): Spec => ({ leaf, type: 'text/plain', fields });
const html = (leaf: string, fields = ''): Spec => ({ leaf, type: 'text/html', fields });
const image = (leaf: string, fields = ''): Spec => ({ leaf, type: 'image/jpeg', fields });
const INLINE = 'Content-Disposition: inline\r\n';
const ATTACHED = 'Content-Disposition: attachment\r\n';
const NAMED = 'Content-Disposition: inline; filename=x.txt\r\n';

const TABLE: readonly (readonly [
  title: string,
  spec: Spec,
  textBody: string,
  htmlBody: string,
  attachments: string,
  hasAttachment: boolean,
])[] = [
  // The example that RFC 8621 §4.1.4 gives with its algorithm.
  [
    'the example of the RFC',
    [
      'mixed',
      text('A', INLINE),
      [
        'mixed',
        [
          'alternative',
          ['mixed', text('B', INLINE), image('C', INLINE), text('D', INLINE)],
          ['related', html('E'), image('F')],
        ],
        image('G', ATTACHED),
        { leaf: 'H', type: 'application/x-excel' },
        { leaf: 'J', type: 'message/global; x=y', fields: 'Content-Transfer-Encoding: base64\r\n' },
      ],
      text('K', INLINE),
    ],
    'A B C D K',
    'A E K',
    'C F G H J',
    true,
  ],
  ['one text', text('A'), 'A', 'A', '', false],
  ['one HTML', html('A'), 'A', 'A', '', false],
  ['text and HTML as alternatives', ['alternative', text('A'), html('B')], 'A', 'B', '', false],
  ['HTML alone among alternatives', ['alternative', html('B')], 'B', 'B', '', false],
  ['an attached text', ['mixed', text('A'), text('B', ATTACHED)], 'A', 'A', 'B', true],
  ['a named text behind the first', ['mixed', text('A'), text('B', NAMED)], 'A', 'A', 'B', false],
  ['an inline image', ['mixed', text('A'), image('B', INLINE)], 'A B', 'A B', '', false],
  [
    'a calendar among alternatives',
    ['alternative', text('A'), html('B'), { leaf: 'C', type: 'text/calendar' }],
    'A',
    'B',
    'C',
    true,
  ],
  ['an image inside of related', ['related', html('A'), image('B', INLINE)], 'A', 'A', 'B', false],
  ['a lone attachment', { leaf: 'A', type: 'application/pdf' }, '', '', 'A', true],
];

for (const [title, spec, textBody, htmlBody, attachments, hasAttachment] of TABLE) {
  test(`RFC 8621 §4.1.4 sorts the parts of ${title}`, () => {
    const index = indexMessage(latin1(write(spec)));
    const lists = bodyParts(index.root);
    const ids = (parts: readonly PartNode[]): string => parts.map((part) => part.id?.slice(1, -1)).join(' ');
    assert.deepEqual(
      [ids(lists.textBody), ids(lists.htmlBody), ids(lists.attachments)],
      [textBody, htmlBody, attachments],
    );
    assert.equal(index.hasAttachment, hasAttachment);
  });
}
