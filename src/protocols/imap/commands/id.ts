/** ID (RFC 2971). What the client says of itself goes to the log, cut to the limits of §3.3, and decides nothing. */
import { printText } from '../grammar/strings.ts';
import { ok } from '../session/completion.ts';
import { defineCommand } from './command.ts';

const MAX_FIELDS = 30;
const MAX_VALUE = 200;

export const id = defineCommand({
  name: 'ID',
  when: 'always',
  updates: 'all',
  parse: (cursor) => {
    cursor.space();
    if (cursor.takesKeyword('NIL')) return new Map<string, string>();
    const fields = new Map<string, string>();
    const strings = cursor.list(() => cursor.nstring()?.toString('utf8') ?? null);
    if (strings.length % 2 !== 0) throw cursor.fault('ID takes pairs of names and values');
    if (strings.length / 2 > MAX_FIELDS) throw cursor.fault('ID takes at most 30 pairs');
    for (let i = 0; i < strings.length; i += 2)
      fields.set(strings[i] ?? '', (strings[i + 1] ?? '').slice(0, MAX_VALUE));
    return fields;
  },
  run: async (session, fields) => {
    const { connection, log, server } = session;
    const client = ['name', 'version', 'os']
      .map((name) => printText(fields.get(name) ?? ''))
      .join(' ')
      .trim();
    log.debug({ peer: connection.remoteAddress, client }, 'client named itself');
    session.untagged(`ID ("name" "Waxwing" "version" "${server.version}")`);
    return ok('ID completed');
  },
});
