/** What the operator sees when the server is up: one block, everything needed for the first login. */
import { readFileSync } from 'node:fs';
import type { Config } from '../server/config.ts';
import type { ListenerInfo } from '../server/ready-file.ts';
import type { ServiceVersions } from '../storage/mail-store.ts';
import type { FirstAccount } from './first-account.ts';

export interface StartFacts {
  readonly version: string;
  readonly config: Config;
  readonly services: ServiceVersions;
  readonly listeners: readonly ListenerInfo[];
  readonly http: string | null;
  readonly account: FirstAccount | null;
  readonly certificate: 'given' | 'self-signed';
}

const TLS_WORDS = { none: '', starttls: 'STARTTLS', implicit: 'TLS' } as const;

/** Lines without a line end after the last. */
export function startBlock(facts: StartFacts): string {
  const { config, account } = facts;
  const rows: [string, string][] = [
    ['profile', config.profile],
    ['record', `MongoDB ${facts.services.mongodb}, database ${config.mongodb.database}`],
    ['schedule', facts.services.redis ?? 'Redis does not answer: delivery and push go on by polling MongoDB'],
    ['data', config.data],
    ['roles', config.server.roles.join(', ')],
  ];
  for (const listener of facts.listeners) {
    if (listener.protocol !== 'http')
      rows.push([listener.name, `${listener.host}:${listener.port}  ${TLS_WORDS[listener.tls]}`.trimEnd()]);
  }
  if (facts.http) rows.push(['web and JMAP', `${facts.http}/`]);
  rows.push([
    'certificate',
    facts.certificate === 'given' ? `${config.tls.certFile}` : 'self-signed: clients will ask whether to trust it',
  ]);
  rows.push(['outbound', outboundWords(config)]);
  if (account)
    rows.push(
      ['account', account.address],
      ['password', `${readFileSync(account.passwordFile, 'utf8').trim()}  (kept in ${account.passwordFile})`],
    );
  rows.push(['stop', 'Ctrl-C, or SIGTERM to this process']);
  const width = Math.max(...rows.map(([label]) => label.length));
  return [
    `Waxwing ${facts.version} is up (pid ${process.pid})`,
    ...rows.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`),
  ].join('\n');
}

function outboundWords({ outbound }: Config): string {
  if (outbound.smarthost) return `everything goes to ${outbound.smarthost}`;
  return outbound.mode === 'trap'
    ? 'mail for foreign domains is trapped, not sent (see: npx waxwing queue list --all)'
    : 'to the MX of each domain';
}
