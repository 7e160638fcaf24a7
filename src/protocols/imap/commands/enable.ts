/** ENABLE (RFC 9051 §6.3.1, RFC 5161, RFC 7162 §3.2.3). Names that are not known here are passed over. */
import { ok } from '../session/completion.ts';
import { defineCommand } from './command.ts';

export const enable = defineCommand({
  name: 'ENABLE',
  when: 'afterLogin',
  updates: 'none',
  parse: (cursor) => {
    const names: string[] = [];
    do {
      cursor.space();
      names.push(cursor.keyword());
    } while (!cursor.isAtEnd);
    return names;
  },
  run: async (session, names) => {
    const enabled: string[] = [];
    if (names.includes('CONDSTORE') && !session.isCondstore) {
      session.isCondstore = true;
      enabled.push(' CONDSTORE');
    }
    // RFC 7162 §3.2.3: CONDSTORE comes with it.
    if (names.includes('QRESYNC') && !session.isQresync) {
      session.isQresync = true;
      session.isCondstore = true;
      enabled.push(' QRESYNC');
    }
    session.untagged(`ENABLED${enabled.join('')}`);
    return ok('Enabled');
  },
});
