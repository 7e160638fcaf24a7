/**
 * The structure of the code, held by a test: which room may import which, where drivers and the environment may be used,
 * and that docs/rfcs.md claims nothing that no source line cites. See docs/architecture.md.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { test } from 'node:test';
import { projectRoot } from './support/project-root.ts';

const ROOT = projectRoot();
const SRC = join(ROOT, 'src');

interface SourceFile {
  /** `storage/bodies/receive-body.ts` */
  readonly path: string;
  readonly text: string;
  /** Files of ours, as paths. */
  readonly imports: readonly string[];
  /** Packages and node: modules. */
  readonly packages: readonly string[];
}

const files: readonly SourceFile[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => {
    const text = readFileSync(join(SRC, name), 'utf8');
    const names = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');
    return {
      path: name.split(sep).join('/'),
      text,
      imports: names
        .filter((n) => n.startsWith('.'))
        .map((n) =>
          relative(SRC, resolve(SRC, dirname(name), n))
            .split(sep)
            .join('/'),
        ),
      packages: names.filter((n) => !n.startsWith('.')),
    };
  });

/** The face of the record: what protocols and delivery may know of src/storage. */
const STORAGE_FACE = ['storage/mail-store.ts', 'storage/model.ts', 'storage/queue-record.ts'];
/** Rooms below src/protocols that the protocols share. */
const SHARED_PROTOCOL_ROOMS = ['stream', 'smtp-session', 'sasl'];

const roomOf = (path: string): string => path.split('/')[0] ?? '';

function isAllowed(from: string, to: string): boolean {
  const [room, target] = [roomOf(from), roomOf(to)];
  if (room === 'main.ts' || room === 'start') return true;
  if (room === 'cli')
    return (
      target === 'cli' ||
      target === 'mail' ||
      target === 'server' ||
      STORAGE_FACE.includes(to) ||
      to === 'storage/open-store.ts' ||
      to === 'delivery/queue/tell-schedule.ts'
    );
  if (target === 'mail' || (target === 'server' && room !== 'mail')) return true;
  if (room === target && room !== 'protocols') return true;
  if (room === 'delivery') return STORAGE_FACE.includes(to);
  if (room === 'protocols') {
    if (STORAGE_FACE.includes(to) || target === 'delivery') return true;
    const [mine, theirs] = [from.split('/')[1] ?? '', to.split('/')[1] ?? ''];
    return target === 'protocols' && (mine === theirs || SHARED_PROTOCOL_ROOMS.includes(theirs));
  }
  return false;
}

test('every import goes the way that docs/architecture.md draws', () => {
  const wrong = files.flatMap((file) =>
    file.imports.filter((to) => !isAllowed(file.path, to)).map((to) => `${file.path} -> ${to}`),
  );
  assert.deepEqual(wrong, []);
});

test('every import of ours names a file that exists', () => {
  const known = new Set(files.map((file) => file.path));
  const missing = files.flatMap((file) =>
    file.imports.filter((to) => !known.has(to)).map((to) => `${file.path} -> ${to}`),
  );
  assert.deepEqual(missing, []);
});

const DRIVER_ROOMS: ReadonlyMap<string, readonly string[]> = new Map([
  ['mongodb', ['storage/']],
  ['ioredis', ['storage/changes/', 'delivery/queue/', 'server/rate-limiter']],
  ['smtp-server', ['protocols/smtp-session/']],
  ['koa', ['protocols/http/', 'protocols/jmap/']],
  ['commander', ['cli/']],
]);

test('database drivers and servers are used in their rooms alone', () => {
  const wrong = files.flatMap((file) =>
    file.packages
      .filter((name) => DRIVER_ROOMS.get(name)?.some((room) => file.path.startsWith(room)) === false)
      .map((name) => `${file.path} uses ${name}`),
  );
  assert.deepEqual(wrong, []);
});

test('the environment is read in server/config alone', () => {
  const wrong = files
    .filter((file) => /process\.env\b/.test(withoutComments(file.text)) && !file.path.startsWith('server/config'))
    .map((file) => file.path);
  assert.deepEqual(wrong, []);
});

test('no file is a bag: utils, helpers, common, manager, service, index', () => {
  const wrong = files
    .filter((file) => /(^|\/|-)(utils?|helpers?|common|managers?|services?|index)\.ts$/.test(file.path))
    .map((file) => file.path);
  assert.deepEqual(wrong, []);
});

test('every file opens with what it is for', () => {
  const wrong = files.filter((file) => !/^(#!.*\n)?\/[*/]/.test(file.text)).map((file) => file.path);
  assert.deepEqual(wrong, []);
});

// message/rfc822 and RFC822.SIZE are words of the protocols, not references.
test('RFC references have one form: RFC 7162 §3.1.3', () => {
  const wrong = files.flatMap((file) =>
    file.text
      .split('\n')
      .map((line, i) => ({ line, at: `${file.path}:${i + 1}` }))
      .filter(
        ({ line }) => /\bRFC-?(?!822\b)\d{3,5}\b/i.test(line) || /RFC \d{3,5}[ ,]+(section|sec\.|chapter)/i.test(line),
      )
      .map(({ at, line }) => `${at} ${line.trim()}`),
  );
  assert.deepEqual(wrong, []);
});

test('docs/rfcs.md claims no RFC that no source line cites', () => {
  const cited = new Set(files.flatMap((file) => [...file.text.matchAll(/RFC (\d{3,5})/g)].map((match) => match[1])));
  const rows = [
    ...readFileSync(join(ROOT, 'docs', 'rfcs.md'), 'utf8').matchAll(
      /^\|\s*(\d{3,5})\s*\|[^|]*\|\s*(yes|partly|no)\b/gm,
    ),
  ];
  assert.ok(rows.length > 20, 'the table has rows');
  const uncited = rows
    .filter(([, number, claim]) => claim !== 'no' && !cited.has(number))
    .map(([, number]) => `RFC ${number}`);
  assert.deepEqual(uncited, []);
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
}
