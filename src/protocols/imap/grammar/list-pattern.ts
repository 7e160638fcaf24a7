/**
 * LIST patterns (RFC 9051 §6.3.9): '*' matches anything, '%' anything but the hierarchy delimiter. Matching is linear in name times
 * pattern at worst; a hostile pattern of many stars costs no more.
 */

/** Whether the whole of `name` matches. Names and patterns are Unicode, the delimiter is '/'. */
export function matchesPattern(pattern: string, name: string): boolean {
  // reachable[i]: the pattern so far matches the first i characters of the name.
  let reachable = new Uint8Array(name.length + 1);
  reachable[0] = 1;
  for (let at = 0; at < pattern.length; at++) {
    const next = new Uint8Array(name.length + 1);
    const wanted = pattern[at]!;
    if (wanted === '*' || wanted === '%') {
      let isOpen = false;
      for (let i = 0; i <= name.length; i++) {
        if (i > 0 && wanted === '%' && name[i - 1] === '/') isOpen = false;
        if (reachable[i] === 1) isOpen = true;
        if (isOpen) next[i] = 1;
      }
    } else {
      for (let i = 0; i < name.length; i++) if (reachable[i] === 1 && name[i] === wanted) next[i + 1] = 1;
    }
    reachable = next;
  }
  return reachable[name.length] === 1;
}
