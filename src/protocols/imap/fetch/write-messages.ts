/**
 * The answers of FETCH (RFC 9051 §7.5.2), streamed: a batch of rows from the record, its small bodies in one round trip, large bodies
 * piece by piece from the record to the socket. Memory: one batch of rows, a megabyte of bodies, one batch of octets that the peer has not
 * taken yet.
 */

import { SEEN } from '../../../mail/flags.ts';
import type { BodyId, Modseq, Uid } from '../../../mail/ids.ts';
import type { BodyRef, Message, MessageField, UidRange } from '../../../storage/model.ts';
import { printDateTime } from '../grammar/dates.ts';
import type { FetchItem } from '../grammar/fetch-items.ts';
import { printFlags } from '../grammar/flags.ts';
import { printEnvelope } from '../grammar/print-envelope.ts';
import { printStructure } from '../grammar/print-structure.ts';
import { rangesOf } from '../grammar/sequence-set.ts';
import type { ImapSession } from '../session/imap-session.ts';
import { membershipOf } from '../session/updates.ts';
import { selectFields } from './header-fields.ts';
import { cutRange, type OctetRange, rangeOfSection } from './section-range.ts';

/** Larger bodies are streamed. */
const MAX_GATHERED_BODY = 128 * 1024;
/** Bodies that are asked for in one round trip. */
const MAX_GROUP_OCTETS = 1024 * 1024;
const MAX_GROUP_MESSAGES = 100;

type SectionItem = Extract<FetchItem, { kind: 'section' }>;

interface Row {
  readonly message: Message;
  readonly uid: Uid;
  readonly number: number;
  readonly flags: string;
  readonly modseq: Modseq;
}

/** Writes one FETCH reply for each message of the view in `ranges`; returns how many. */
export async function writeMessages(
  session: ImapSession,
  ranges: readonly UidRange[],
  items: readonly FetchItem[],
): Promise<number> {
  const { view, store } = session;
  await view.uids();
  const sections = items.filter((item): item is SectionItem => item.kind === 'section');
  const setsSeen = !session.selected!.isReadOnly && sections.some((item) => !item.isPeek);
  // RFC 9051 §6.4.5: a flag that this changes is told with the message.
  const shown: readonly FetchItem[] =
    setsSeen && !items.some((item) => item.kind === 'FLAGS') ? [...items, { kind: 'FLAGS' }] : items;
  const needsBodies = sections.length > 0;
  let written = 0;
  for await (const batch of store.messagesByUid(view.mailbox, ranges, fieldsOf(items))) {
    let rows = rowsOf(session, batch);
    const changed = new Set<Uid>();
    if (setsSeen) rows = await markSeen(session, rows, changed);
    const itemsOf = (row: Row): readonly FetchItem[] => (changed.has(row.uid) ? shown : items);
    if (needsBodies) {
      for (const group of groupsOf(rows)) {
        const bodies = await gather(session, group, sections);
        for (const row of group) await writeRow(session, row, itemsOf(row), bodies.get(row.message.body.id) ?? null);
        await session.connection.writer.flushWhenFull();
      }
    } else {
      for (const row of rows) {
        session.connection.writer.text(`* ${row.number} FETCH (${printPlain(row, items)})\r\n`);
        const flushed = session.connection.writer.flushWhenFull();
        if (flushed !== undefined) await flushed;
      }
    }
    written += rows.length;
    // The first messages go out at once, however many follow.
    await session.connection.writer.flush();
  }
  return written;
}

function fieldsOf(items: readonly FetchItem[]): MessageField[] {
  const fields = new Set<MessageField>();
  for (const item of items) {
    if (item.kind === 'ENVELOPE') fields.add('envelope');
    if (item.kind === 'BODY' || item.kind === 'BODYSTRUCTURE') fields.add('structure');
    if (item.kind === 'section' && needsStructure(item)) fields.add('structure');
  }
  return [...fields];
}

const needsStructure = (item: SectionItem): boolean => item.section.path.length > 0 || item.section.what !== 'all';

function rowsOf(session: ImapSession, messages: readonly Message[]): Row[] {
  const rows: Row[] = [];
  for (const message of messages) {
    const membership = membershipOf(message, session.view.mailbox);
    const number = membership === null ? 0 : session.view.sequenceOf(membership.uid);
    if (membership === null || number === 0) continue;
    const flags = printFlags(message.keywords, membership.deleted);
    rows.push({ message, uid: membership.uid, number, flags, modseq: message.modseq });
  }
  return rows;
}

async function markSeen(session: ImapSession, rows: Row[], changed: Set<Uid>): Promise<Row[]> {
  const unseen = rows.filter((row) => !row.message.keywords.includes(SEEN)).map((row) => row.uid);
  if (unseen.length === 0) return rows;
  const result = await session.store.changeFlags(session.view.mailbox, rangesOf(unseen), {
    mode: 'add',
    keywords: [SEEN],
    deleted: false,
  });
  session.view.noteOwnFlags(result.modseq);
  const after = new Map(result.messages.map((message) => [message.uid, message]));
  return rows.map((row) => {
    const message = after.get(row.uid);
    if (message === undefined) return row;
    changed.add(row.uid);
    return { ...row, flags: printFlags(message.keywords, message.deleted), modseq: message.modseq };
  });
}

function* groupsOf(rows: readonly Row[]): Generator<readonly Row[]> {
  let group: Row[] = [];
  let octets = 0;
  for (const row of rows) {
    if (group.length > 0 && (octets + row.message.size > MAX_GROUP_OCTETS || group.length === MAX_GROUP_MESSAGES)) {
      yield group;
      group = [];
      octets = 0;
    }
    group.push(row);
    octets += Math.min(row.message.size, MAX_GATHERED_BODY);
  }
  if (group.length > 0) yield group;
}

/** Whole bodies of those that are small, unless only little of them is wanted. */
async function gather(
  session: ImapSession,
  rows: readonly Row[],
  sections: readonly SectionItem[],
): Promise<ReadonlyMap<BodyId, Buffer>> {
  const wanted: BodyRef[] = [];
  for (const { message } of rows)
    if (message.size <= MAX_GATHERED_BODY && sections.length > 0) wanted.push(message.body);
  return wanted.length === 0 ? new Map() : session.server.store.readBodies(wanted);
}

/** All items in one line of text: what has no sections. */
function printPlain(row: Row, items: readonly FetchItem[]): string {
  let text = '';
  for (const item of items) {
    if (item.kind !== 'section') text += `${text === '' ? '' : ' '}${printItem(row, item.kind)}`;
  }
  return text;
}

function printItem({ message, uid, flags, modseq }: Row, kind: Exclude<FetchItem['kind'], 'section'>): string {
  switch (kind) {
    case 'UID':
      return `UID ${uid}`;
    case 'FLAGS':
      return `FLAGS (${flags})`;
    case 'INTERNALDATE':
      return `INTERNALDATE "${printDateTime(message.receivedAt)}"`;
    case 'RFC822.SIZE':
      return `RFC822.SIZE ${message.size}`;
    case 'ENVELOPE':
      return `ENVELOPE ${printEnvelope(message.envelope!)}`;
    case 'BODY':
      return `BODY ${printStructure(message.structure!, false)}`;
    case 'BODYSTRUCTURE':
      return `BODYSTRUCTURE ${printStructure(message.structure!, true)}`;
    case 'MODSEQ':
      return `MODSEQ (${modseq})`;
    case 'EMAILID':
      return `EMAILID (${message.id})`;
    case 'THREADID':
      return `THREADID (${message.thread})`;
    default:
      throw kind satisfies never;
  }
}

async function writeRow(
  session: ImapSession,
  row: Row,
  items: readonly FetchItem[],
  body: Buffer | null,
): Promise<void> {
  const { writer } = session.connection;
  session.isMidReply = true;
  writer.text(`* ${row.number} FETCH (`);
  let separator = '';
  for (const item of items) {
    writer.text(separator);
    separator = ' ';
    if (item.kind === 'section') await writeSection(session, row.message, item, body);
    else writer.text(printItem(row, item.kind));
  }
  writer.text(')\r\n');
  session.isMidReply = false;
}

async function writeSection(
  session: ImapSession,
  message: Message,
  item: SectionItem,
  body: Buffer | null,
): Promise<void> {
  const { writer } = session.connection;
  const { section, partial, label } = item;
  const range = needsStructure(item)
    ? rangeOfSection(message.structure!, message.size, section)
    : { from: 0, to: message.size };
  if (range === null) {
    writer.text(`${label} NIL`);
    return;
  }
  if (section.what === 'headerFields' || section.what === 'headerFieldsNot') {
    const header = body?.subarray(range.from, range.to) ?? (await readWhole(session, message.body, range));
    const fields = selectFields(header, section.fields, section.what === 'headerFieldsNot');
    const cut = cutRange({ from: 0, to: fields.length }, partial);
    writer.text(`${label} {${cut.to - cut.from}}\r\n`);
    writer.octets(fields.subarray(cut.from, cut.to));
    return;
  }
  const cut = cutRange(range, partial);
  const octets = cut.to - cut.from;
  writer.text(`${label} {${octets}}\r\n`);
  if (octets === 0) return;
  if (body !== null) {
    writer.octets(body.subarray(cut.from, cut.to));
    return;
  }
  let passed = 0;
  for await (const piece of session.server.store.readBody(message.body, cut)) {
    passed += piece.length;
    writer.octets(piece);
    await writer.flushWhenFull();
  }
  if (passed !== octets) throw new Error(`body ${message.body.id} gave ${passed} of ${octets} octets`);
}

async function readWhole(session: ImapSession, body: BodyRef, range: OctetRange): Promise<Buffer> {
  if (range.from === range.to) return Buffer.alloc(0);
  const pieces: Buffer[] = [];
  for await (const piece of session.server.store.readBody(body, range)) pieces.push(piece);
  return Buffer.concat(pieces);
}
