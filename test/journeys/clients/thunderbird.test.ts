/**
 * Thunderbird against the whole server: the first look at an Inbox, mail that arrives while it is open, a flag that another client sets.
 *
 * Runs wherever Thunderbird and Xvfb are installed, in about ten seconds; the package has 300 MB, so that CI goes without it.
 * WAXWING_TEST_PICTURES=FOLDER keeps pictures of its window, and the dialogue.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type DialogueLine, openDialogue } from '../../support/clients/dialogue.ts';
import { deliverAll, inboxWith } from '../../support/clients/inbox.ts';
import { freshHome } from '../../support/clients/programs.ts';
import { openThunderbird, type Thunderbird, withoutThunderbird } from '../../support/clients/thunderbird.ts';
import { variedMail } from '../../support/clients/varied-mail.ts';
import { sampleMessage } from '../../support/mail-samples.ts';
import { startServer } from '../../support/running-server.ts';
import { freshDatabase, freshKeyPrefix, mongodbUri, redisUrl } from '../../support/services.ts';

const STEP_LIMIT_MS = 30_000;
const pictures = process.env['WAXWING_TEST_PICTURES'];
const skip = withoutThunderbird();

async function keepPicture(thunderbird: Thunderbird, name: string): Promise<void> {
  if (pictures) await thunderbird.picture(join(pictures, `thunderbird-${name}.png`));
}

const isRefusal = ({ from, text }: DialogueLine): boolean => from === 'server' && /^[^*+ ]+ (NO|BAD) /.test(text);

test('Thunderbird lists the Inbox, hears of new mail and of flags while idle, and is refused nothing', {
  skip,
  timeout: 120_000,
}, async () => {
  const server = await startServer({
    mongodbUri: mongodbUri(),
    redisUrl: redisUrl(),
    database: freshDatabase(),
    keyPrefix: freshKeyPrefix(),
  });
  const mail = variedMail(server.account.address);
  await deliverAll(server, mail);
  const other = await inboxWith(server, mail.length);
  const dialogue = await openDialogue(server.port('imap'));
  const thunderbird = await openThunderbird({
    home: freshHome(),
    imapPort: dialogue.port,
    submissionPort: server.port('submission'),
    ...server.account,
  });
  const header =
    (n: number) =>
    (line: DialogueLine): boolean =>
      line.from === 'server' && new RegExp(`^\\* ${n} FETCH .*HEADER\\.FIELDS`, 'i').test(line.text);
  try {
    for (const n of mail.keys()) await dialogue.until(`the header of message ${n + 1}`, header(n + 1), STEP_LIMIT_MS);
    const inbox = (await dialogue.until('the first header', header(1), STEP_LIMIT_MS)).connection;
    const isIdle = ({ connection, from, text }: DialogueLine): boolean =>
      connection === inbox && from === 'client' && / IDLE$/i.test(text);
    await dialogue.until('IDLE', isIdle, STEP_LIMIT_MS);
    await keepPicture(thunderbird, '1-first-look');

    const news = mail.length + 1;
    const delivered = dialogue.lines.length;
    await deliverAll(server, [
      sampleMessage({ from: 'ada@remote.example', to: 'me', bytes: 2000, subject: 'It has just come in' }),
    ]);
    await dialogue.until(
      'EXISTS while idle',
      ({ connection, text }) => connection === inbox && text === `* ${news} EXISTS`,
      STEP_LIMIT_MS,
    );
    await dialogue.until('the header of the new message', header(news), STEP_LIMIT_MS);
    await dialogue.until('IDLE again', isIdle, STEP_LIMIT_MS, delivered);
    await keepPicture(thunderbird, '2-new-mail');

    const flagged = dialogue.lines.length;
    assert.match((await other.imap('d', 'UID STORE 1 +FLAGS.SILENT (\\Flagged \\Seen)')).status, /^OK/);
    await dialogue.until('the flags', ({ text }) => /^\* 1 FETCH .*\\Flagged/.test(text), STEP_LIMIT_MS, flagged);
    await dialogue.until('IDLE after the flags', isIdle, STEP_LIMIT_MS, flagged);
    await keepPicture(thunderbird, '3-flagged');

    assert.deepEqual(dialogue.lines.filter(isRefusal), []);
  } finally {
    await thunderbird.close();
    await dialogue.close();
    other.destroy();
    await server.stop();
    if (pictures) {
      const lines = dialogue.lines.map(({ connection, from, text }) => `${connection} ${from}: ${text}\n`);
      writeFileSync(join(pictures, 'thunderbird-imap.log'), lines.join(''));
    }
  }
});
