/**
 * The row of a new message, from its index: what is shown in lists, searched and threaded by. Pure.
 */
import { foldForSearch } from '../../mail/format/search-fold.ts';
import type { EmailAddress, MessageIndex } from '../../mail/format/structure.ts';
import { encodeEnvelope, encodeStructure } from '../../mail/format/structure-codec.ts';
import type { FoldRow, MessageRow } from '../mongo/documents.ts';
import { type ThreadTraits, threadTraits } from './threading.ts';

export interface ParsedRow {
  readonly fields: Pick<
    MessageRow,
    | 'crlfSize'
    | 'sentAt'
    | 'sentAtOffset'
    | 'envelope'
    | 'structure'
    | 'subject'
    | 'preview'
    | 'hasAttachment'
    | 'fold'
    | 'baseSubject'
    | 'threadKeys'
  >;
  readonly traits: ThreadTraits;
}

const parsed = new WeakMap<MessageIndex, ParsedRow>();

/** Remembered for each index: a message to many recipients, or a transaction that is run again, computes it once. */
export function parsedRowOf(index: MessageIndex): ParsedRow {
  let row = parsed.get(index);
  if (row === undefined) {
    row = parse(index);
    parsed.set(index, row);
  }
  return row;
}

/** Characters of one folded address field. */
const MAX_FOLD = 20_000;

function parse(index: MessageIndex): ParsedRow {
  const traits = threadTraits(index);
  const fold: FoldRow = {
    from: foldAddresses(index.from),
    to: foldAddresses(index.to),
    cc: foldAddresses(index.cc),
    bcc: foldAddresses(index.bcc),
    subject: foldForSearch(index.subject),
  };
  return {
    traits,
    fields: {
      ...(index.crlfSize > index.size && { crlfSize: index.crlfSize }),
      sentAt: index.sentAt?.date ?? null,
      sentAtOffset: index.sentAt?.zoneMinutes ?? 0,
      envelope: encodeEnvelope(index.envelope),
      structure: encodeStructure(index.root),
      subject: index.subject,
      preview: index.preview,
      hasAttachment: index.hasAttachment,
      fold,
      baseSubject: traits.baseSubject,
      threadKeys: traits.threadKeys,
    },
  };
}

function foldAddresses(addresses: readonly EmailAddress[]): string {
  const folded = addresses.map(({ name, email }) => foldForSearch(name === null ? email : `${name} <${email}>`));
  return folded.join('\n').slice(0, MAX_FOLD);
}
