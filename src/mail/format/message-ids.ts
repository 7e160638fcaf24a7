// Message ids of Message-ID, In-Reply-To and References. Lenient: phrases and comments between ids are passed over
// (RFC 5322 §4.5.4), ids without brackets count when nothing has brackets. A long thread keeps its first id (the root)
// and its newest ones. Linear, bounded by `MAX_MESSAGE_IDS`. RFC 5322 §3.6.4

import { MAX_MESSAGE_ID_LENGTH, MAX_MESSAGE_IDS } from './limits.ts';

export interface MessageIdList {
  /** Without angle brackets, in the order written, each once. */
  readonly ids: readonly string[];
  readonly isCut: boolean;
}

/** Parses the unfolded text of a field. */
export function parseMessageIds(text: string, maxIds: number = MAX_MESSAGE_IDS): MessageIdList {
  const found = new Set<string>();
  let isCut = false;
  const keep = (raw: string): void => {
    const id = raw.replace(/[ \t\r\n]+/g, '');
    if (id === '' || id.length > MAX_MESSAGE_ID_LENGTH) return;
    found.add(id);
    if (found.size > maxIds) {
      isCut = true;
      dropSecond(found);
    }
  };
  let open = text.indexOf('<');
  if (open === -1) {
    for (const word of text.split(/[\s,;]+/)) if (word.indexOf('@') > 0) keep(word);
    return { ids: [...found], isCut };
  }
  while (open !== -1) {
    const close = text.indexOf('>', open + 1);
    if (close === -1) break;
    const inner = text.lastIndexOf('<', close);
    keep(text.slice(inner + 1, close));
    open = text.indexOf('<', close + 1);
  }
  return { ids: [...found], isCut };
}

/** A set keeps its order: the first id stays, the oldest after it goes. */
function dropSecond(ids: Set<string>): void {
  const iterator = ids.values();
  iterator.next();
  const second = iterator.next();
  if (second.done !== true) ids.delete(second.value);
}
