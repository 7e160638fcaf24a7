// The base subject of RFC 5256 §2.1: a subject without reply and forward marks, by which threads are joined and
// sorted. The whole algorithm, on the decoded subject, in linear time: marks are taken off by index, never by copying.

export interface BaseSubject {
  readonly base: string;
  /** RFC 5256 §2.1: a mark was removed, so the message is a reply or a forward. */
  readonly isReplyOrForward: boolean;
}

/** `subject` is decoded (RFC 2047) and unfolded: step (1) of the algorithm is its white space rule. */
export function baseSubject(subject: string): BaseSubject {
  let text = subject.replace(/[\s]+/g, ' ').trim();
  let isReplyOrForward = false;
  for (;;) {
    // Step (2): trailers.
    const stripped = stripTrailers(text);
    if (stripped.isMarked) isReplyOrForward = true;
    text = stripped.text;
    // Steps (3) to (5): leaders and blobs until nothing changes.
    const leaders = stripLeaders(text);
    if (leaders.isMarked) isReplyOrForward = true;
    text = leaders.text;
    // Step (6): "[fwd: ... ]" around all.
    if (!/^\[fwd:/i.test(text) || !text.endsWith(']')) return { base: text, isReplyOrForward };
    isReplyOrForward = true;
    text = text.slice(5, -1).trim();
  }
}

function stripTrailers(text: string): { text: string; isMarked: boolean } {
  let end = text.length;
  let isMarked = false;
  for (;;) {
    while (end > 0 && text[end - 1] === ' ') end -= 1;
    if (end < 5 || text.slice(end - 5, end).toLowerCase() !== '(fwd)') return { text: text.slice(0, end), isMarked };
    end -= 5;
    isMarked = true;
  }
}

/**
 * Steps (3) to (5). subj-leader = (*subj-blob subj-refwd) / WSP; where no mark follows the blobs they go as well, but
 * never the last thing there is. The chain of blobs is walked once, so the work is linear.
 */
function stripLeaders(text: string): { text: string; isMarked: boolean } {
  let start = 0;
  let isMarked = false;
  for (;;) {
    while (text[start] === ' ') start += 1;
    let at = start;
    let lastBlob = start;
    for (let next = endOfBlob(text, at); next !== -1; next = endOfBlob(text, at)) {
      lastBlob = at;
      at = next;
    }
    const afterMark = endOfReplyMark(text, at);
    if (afterMark === -1) return { text: text.slice(at < text.length ? at : lastBlob), isMarked };
    start = afterMark;
    isMarked = true;
  }
}

/** subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":" */
function endOfReplyMark(text: string, start: number): number {
  const word = text.slice(start, start + 3).toLowerCase();
  let at = start;
  if (word === 'fwd') at += 3;
  else if (word.startsWith('re') || word.startsWith('fw')) at += 2;
  else return -1;
  while (text[at] === ' ') at += 1;
  const blob = endOfBlob(text, at);
  if (blob !== -1) at = blob;
  return text[at] === ':' ? at + 1 : -1;
}

const MAX_BLOB_LENGTH = 255;

/** subj-blob = "[" *BLOBCHAR "]" *WSP, where a BLOBCHAR is no bracket. -1 when none starts here. */
function endOfBlob(text: string, start: number): number {
  if (text[start] !== '[') return -1;
  for (let at = start + 1; at < text.length && at - start <= MAX_BLOB_LENGTH; at += 1) {
    if (text[at] === '[') return -1;
    if (text[at] !== ']') continue;
    let end = at + 1;
    while (text[end] === ' ') end += 1;
    return end;
  }
  return -1;
}
