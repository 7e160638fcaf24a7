// Comments of structured header fields, which nest. The depth is a number, never a call, so any depth is read in one pass.
// RFC 5322 §3.2.2

/** The offset after the comment that opens at `start`, or -1 when it never closes. */
export function endOfComment(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const character = text[at];
    if (character === '\\') at += 1;
    else if (character === '(') depth += 1;
    else if (character === ')') {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return -1;
}

/** The text with each comment replaced by a space; an unclosed one stays. */
export function withoutComments(text: string): string {
  let open = text.indexOf('(');
  if (open === -1) return text;
  let plain = '';
  let from = 0;
  while (open !== -1) {
    const end = endOfComment(text, open);
    if (end === -1) break;
    plain += `${text.slice(from, open)} `;
    from = end;
    open = text.indexOf('(', end);
  }
  return plain + text.slice(from);
}
