import assert from 'node:assert/strict';
import { test } from 'node:test';
import { htmlToText } from '../../../src/mail/format/html-text.ts';
import { indexMessage } from '../../../src/mail/format/message-indexer.ts';
import { decodePartText } from '../../../src/mail/format/part-text.ts';
import { previewOfText } from '../../../src/mail/format/preview.ts';
import { foldForSearch } from '../../../src/mail/format/search-fold.ts';
import { crlf } from './octets.ts';

const HTML: readonly (readonly [html: string, text: string])[] = [
  ['<p>Hello <b>you</b></p><p>there</p>', 'Hello you\nthere'],
  ['a<br>b<BR/>c', 'a\nb\nc'],
  ['<head><title>x</title><STYLE>p{}</style></head>a<script>if (1<2) x()</script>b', 'ab'],
  ['<!-- <p>no</p> -->yes', 'yes'],
  ['&lt;b&gt; &amp;amp; &eacute; &#233; &#xe9; &euro; &nope; &', '<b> &amp; é é é € &nope; &'],
  ['<a href="x>y">link</a>', 'link'],
  ["<a title='a>b'>link</a>", 'link'],
  ['1 < 2 and 3 > 2', '1 < 2 and 3 > 2'],
  ['<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>', 'a b\nc'],
  ['a&nbsp;&nbsp;b\n\n c', 'a b\nc'],
  ['<!DOCTYPE html><?xml?>x', 'x'],
  ['<style>never closed', ''],
  ['<p', ''],
  ['&#0;&#xd800;&#x110000;', '\ufffd\ufffd\ufffd'],
];

for (const [html, text] of HTML) {
  test(`the text of ${JSON.stringify(html)}`, () => assert.equal(htmlToText(html), text));
}

test('a megabyte of broken HTML is read in one pass', { timeout: 20_000 }, () => {
  for (const unit of ['<', '<a ', '<a "', '&', '<!--', '<style>', '</', "<a b='>", '<a "> ', '&#x']) {
    assert.ok(htmlToText(unit.repeat(1_000_000 / unit.length)).length <= 1_000_000);
  }
});

test('RFC 8621 §4.1.4 a preview has at most 256 characters and never half of one', () => {
  assert.equal(previewOfText('  a\r\n\tb\u200b\u00ad \u00a0 c  '), 'a b c');
  assert.equal(previewOfText('x'.repeat(300)).length, 256);
  const cut = previewOfText(`${'x'.repeat(255)}😀😀`);
  assert.equal(cut, 'x'.repeat(255));
});

const PREVIEWS: readonly (readonly [title: string, message: string, preview: string])[] = [
  ['plain text', 'Subject: x\n\nHello\n  world\n', 'Hello world'],
  ['quoted lines left out', '\n> old\n> older\nnew\n-- \nsignature\n', 'new'],
  ['only quoted lines', '\n> old\n', '> old'],
  ['HTML alone', 'Content-Type: text/html; charset=utf-8\n\n<style>x</style><p>Gr&uuml;&szlig;e</p>', 'Grüße'],
  [
    'quoted-printable',
    'Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n=C3=A9=\nt=C3=A9',
    'été',
  ],
  ['base64', 'Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nw6l0w6k=\n', 'été'],
  [
    'plain before HTML, whatever the order',
    'Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>html</p>\n--b\n\nplain\n--b--\n',
    'plain',
  ],
  [
    'HTML when plain is empty',
    'Content-Type: multipart/alternative; boundary=b\n\n--b\n\n \n--b\nContent-Type: text/html\n\n<p>html</p>\n--b--\n',
    'html',
  ],
  [
    'no attached text',
    'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Disposition: attachment\n\nattached\n--b\n\nbody\n--b--\n',
    'body',
  ],
  ['nothing of an embedded message', 'Content-Type: message/rfc822\n\nSubject: x\n\ninner\n', ''],
  ['nothing of an image', 'Content-Type: image/png\n\nxyz\n', ''],
];

for (const [title, message, preview] of PREVIEWS) {
  test(`RFC 8970 §3.2.1 the preview shows ${title}`, () => assert.equal(indexMessage(crlf(message)).preview, preview));
}

function textOf(message: string, maxBytes = 0) {
  const octets = crlf(message);
  const { root } = indexMessage(octets);
  return decodePartText(root, octets.subarray(root.bodyStart, root.end), maxBytes);
}

test('RFC 8621 §4.1.4 a body value has LF line ends and tells of encoding problems', () => {
  assert.deepEqual(textOf('Content-Type: text/plain; charset=utf-8\n\na\né'), {
    text: 'a\né',
    isEncodingProblem: false,
    isTruncated: false,
  });
  assert.equal(textOf('Content-Type: text/plain; charset=x-odd\n\né').isEncodingProblem, true);
  assert.equal(textOf('Content-Transfer-Encoding: x-odd\n\na').isEncodingProblem, true);
});

test('RFC 8621 §4.2 a truncated body value cuts no character and no tag', () => {
  assert.deepEqual(textOf('Content-Type: text/plain; charset=utf-8\n\naéé', 4), {
    text: 'aé',
    isEncodingProblem: false,
    isTruncated: true,
  });
  assert.equal(textOf('Content-Type: text/html\n\nab<b>c</b>', 4).text, 'ab');
  assert.equal(textOf('\nabcd', 4).isTruncated, false);
  const long = textOf(`\n${'x'.repeat(200_000)}`, 100_000);
  assert.equal(long.text.length, 100_000);
  assert.equal(long.isTruncated, true);
});

const FOLDED: readonly (readonly [text: string, folded: string])[] = [
  ['Hello  World', 'hello world'],
  ['Ångström café', 'angstrom cafe'],
  ['cafe\u0301', 'cafe'],
  ['ﬁne ＡＢＣ ①', 'fine abc 1'],
  ['Straße Øre Łódź Æ', 'strasse ore lodz ae'],
  ['İstanbul', 'istanbul'],
  ['Ёлка', 'елка'],
  ['한국어', '한국어'],
  ['日本\u00ad語', '日本語'],
];

for (const [text, folded] of FOLDED) {
  test(`search folds ${text} to ${folded}, and folding again changes nothing`, () => {
    assert.equal(foldForSearch(text), folded);
    assert.equal(foldForSearch(folded), folded);
  });
}
