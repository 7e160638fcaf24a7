/** What every listener is given, and how long it may drain. */
import type { Authenticator } from '../protocols/sasl/authenticate.ts';
import type { Certificate } from '../server/certificate.ts';
import type { Clock } from '../server/clock.ts';
import type { Config } from '../server/config.ts';
import type { Log } from '../server/log.ts';
import type { Shutdown } from '../server/shutdown.ts';
import type { MailStore } from '../storage/mail-store.ts';

export interface ListenerParts {
  readonly config: Config;
  readonly version: string;
  readonly store: MailStore;
  readonly authenticator: Authenticator;
  readonly certificate: Certificate;
  readonly clock: Clock;
  readonly log: Log;
  readonly shutdown: Shutdown;
}

export const drainMsOf = (config: Config): number => config.server.drainSeconds * 1_000;
