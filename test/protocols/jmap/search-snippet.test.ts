/** SearchSnippet/get (RFC 8621 §5). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { markAll, markPreview } from '../../../src/protocols/jmap/email/highlight.ts';
import { deliver, message, openWorld } from './jmap-world.ts';

const world = await openWorld();

test('RFC 8621 §5 matches are marked as the search folds them, and everything else is escaped', () => {
  assert.equal(
    markAll('Größe & <b>GROSSE</b>', ['grosse']),
    '<mark>Größe</mark> &amp; &lt;b&gt;<mark>GROSSE</mark>&lt;/b&gt;',
  );
  assert.equal(markAll('one two  three', ['two three']), 'one <mark>two  three</mark>');
  assert.equal(markAll('nothing here', ['else']), null);
  assert.equal(markAll('aaa', ['a', 'aa']), '<mark>aa</mark><mark>a</mark>');
  const preview = markPreview(`${'lorem ipsum '.repeat(100)}needle ${'dolor "sit" '.repeat(100)}`, ['needle'])!;
  assert.ok(preview.includes('<mark>needle</mark>') && Buffer.byteLength(preview) <= 255);
  assert.doesNotMatch(preview, /&[a-z]*$/);
});

test('RFC 8621 §5.1 subject and preview of the emails asked for; what is denied is not marked', async () => {
  const id = await deliver(world, message({ Subject: 'Foo <x> bar' }, 'We talked about foo and <tags>.\r\n'));
  const html = await deliver(
    world,
    message(
      { Subject: 'x', 'Content-Type': 'text/html; charset=utf-8' },
      '<p>So <b>foo</b> it is</p><style>foo</style>\r\n',
    ),
  );
  const get = async (filter: object | null, emailIds: string[]) =>
    world.call('SearchSnippet/get', { filter, emailIds });
  const { list, notFound } = await get({ text: 'foo' }, [id, html, 'x']);
  assert.deepEqual(notFound, ['x']);
  assert.deepEqual(list, [
    {
      emailId: id,
      subject: '<mark>Foo</mark> &lt;x&gt; bar',
      preview: 'We talked about <mark>foo</mark> and &lt;tags&gt;.',
    },
    { emailId: html, subject: null, preview: 'So <mark>foo</mark> it is' },
  ]);
  assert.deepEqual((await get({ subject: 'bar' }, [id])).list, [
    { emailId: id, subject: 'Foo &lt;x&gt; <mark>bar</mark>', preview: null },
  ]);
  assert.deepEqual((await get({ operator: 'NOT', conditions: [{ text: 'foo' }] }, [id])).list, [
    { emailId: id, subject: null, preview: null },
  ]);
  assert.deepEqual((await get(null, [id])).list, [{ emailId: id, subject: null, preview: null }]);
  assert.equal((await world.call('SearchSnippet/get', { filter: null })).error.type, 'invalidArguments');
  assert.deepEqual(world.errors, []);
});
