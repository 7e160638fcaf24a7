/**
 * Every setting of the server: its type, bounds, default and what it is for. config/reference.md is generated from here, `waxwing config
 * print` shows the values in force. Two levels, `section.name`; values may be text (from --set or the environment) or typed (from TOML).
 */
import { hostname } from 'node:os';
import { z } from 'zod';
import { MAX_MESSAGE_BYTES, MAX_RECIPIENTS_MX, MAX_RECIPIENTS_SUBMISSION } from '../mail/envelope.ts';

const whole = (min: number, max: number) =>
  z.preprocess((v) => (typeof v === 'string' && /^-?\d+$/.test(v.trim()) ? Number(v) : v), z.int().min(min).max(max));
const flag = () => z.preprocess((v) => (v === 'true' ? true : v === 'false' ? false : v), z.boolean());
const text = () => z.string().min(1);
const optionalText = () => z.preprocess((v) => (v === '' ? null : v), z.string().nullable());
const wholes = (min: number, max: number) =>
  z.preprocess(
    (v) => (typeof v === 'string' ? v.split(',').map((part) => Number(part.trim())) : v),
    z.array(z.int().min(min).max(max)).min(1).max(50),
  );
const port = () => whole(0, 65_535).nullable();

export const ROLES = ['smtp', 'submission', 'lmtp', 'imap', 'pop3', 'jmap', 'delivery'] as const;
export type Role = (typeof ROLES)[number];
const roles = () =>
  z.preprocess(
    (v) => (typeof v === 'string' ? v.split(',').map((part) => part.trim()) : v),
    z.array(z.enum(ROLES)).min(1, `at least one of ${ROLES.join(', ')}`),
  );

export const PROFILES = ['development', 'production'] as const;
export type Profile = (typeof PROFILES)[number];

/** `ports` of the two profiles; 0 takes a free port, null leaves the listener out. */
const PORTS = {
  development: {
    smtp: 2525,
    submission: 2587,
    submissions: 2465,
    lmtp: 2424,
    imap: 2143,
    imaps: 2993,
    pop3: 2110,
    pop3s: 2995,
    http: 8080,
  },
  production: {
    smtp: 25,
    submission: 587,
    submissions: 465,
    lmtp: 2424,
    imap: 143,
    imaps: 993,
    pop3: 110,
    pop3s: 995,
    http: 8080,
  },
} as const;

/** The schema for a profile: the same settings, with the defaults that fit. */
export function configSchema(profile: Profile) {
  const isDevelopment = profile === 'development';
  const ports = PORTS[profile];
  return z.strictObject({
    server: z
      .strictObject({
        hostname: text()
          .default(isDevelopment ? 'localhost' : hostname())
          .describe('Name in greetings, Received fields and EHLO; it should resolve to this host.'),
        roles: roles()
          .default([...ROLES])
          .describe(`What this process does, separated by commas: ${ROLES.join(', ')}.`),
        host: text()
          .default(isDevelopment ? '127.0.0.1' : '::')
          .describe('Address that every listener binds; :: takes IPv4 as well.'),
        publicUrl: optionalText()
          .default(null)
          .describe(
            'URL under which clients reach HTTP, when a proxy stands before it; else it is taken from each request.',
          ),
        trustProxy: flag()
          .default(false)
          .describe('A proxy stands before HTTP and sets X-Forwarded-For, -Proto and -Host: believe them.'),
        drainSeconds: whole(0, 600)
          .default(10)
          .describe('How long running commands and deliveries may take to finish at a stop.'),
      })
      .prefault({}),
    ports: z
      .strictObject({
        smtp: port().default(ports.smtp).describe('Mail from other servers (RFC 5321).'),
        submission: port().default(ports.submission).describe('Mail from users, STARTTLS (RFC 6409).'),
        submissions: port().default(ports.submissions).describe('Mail from users, TLS (RFC 8314 §3.3).'),
        lmtp: port()
          .default(ports.lmtp)
          .describe('Local delivery (RFC 2033); binds loopback unless lmtp.host says otherwise.'),
        imap: port().default(ports.imap).describe('IMAP, STARTTLS (RFC 3501).'),
        imaps: port().default(ports.imaps).describe('IMAP, TLS (RFC 8314 §3.2).'),
        pop3: port().default(ports.pop3).describe('POP3, STLS (RFC 1939).'),
        pop3s: port().default(ports.pop3s).describe('POP3, TLS (RFC 8314 §3.1).'),
        http: port().default(ports.http).describe('JMAP, health and the web page.'),
      })
      .prefault({}),
    lmtp: z
      .strictObject({
        host: text().default('127.0.0.1').describe('Address of the LMTP listener: whoever reaches it may deliver.'),
      })
      .prefault({}),
    mongodb: z
      .strictObject({
        uri: text()
          .default('mongodb://127.0.0.1:27017')
          .describe('MongoDB replica set or mongos that holds the record.'),
        database: z
          .string()
          .regex(/^[A-Za-z0-9_-]{1,63}$/)
          .default('waxwing')
          .describe('Database name.'),
      })
      .prefault({}),
    redis: z
      .strictObject({
        url: text()
          .default('redis://127.0.0.1:6379')
          .describe('Redis or Valkey: schedule and doorbell, nothing that can’t be rebuilt.'),
        keyPrefix: z
          .string()
          .regex(/^[A-Za-z0-9:_-]{1,40}$/)
          .default('waxwing:')
          .describe('Prefix of every key and channel.'),
      })
      .prefault({}),
    tls: z
      .strictObject({
        certFile: optionalText()
          .default(null)
          .describe('Certificate chain, PEM. Without it a self-signed one is made in DATA/tls.'),
        keyFile: optionalText().default(null).describe('Private key, PEM.'),
      })
      .prefault({}),
    auth: z
      .strictObject({
        allowPlaintextOnLoopback: flag().default(isDevelopment).describe('Let clients on loopback log in without TLS.'),
      })
      .prefault({}),
    firstAccount: z
      .strictObject({
        address: optionalText()
          .default(isDevelopment ? 'me@waxwing.test' : null)
          .describe(
            'Account made on the first run, when there is none; its password goes to DATA/first-account-password.',
          ),
      })
      .prefault({}),
    outbound: z
      .strictObject({
        mode: z
          .enum(['trap', 'deliver'])
          .default(isDevelopment ? 'trap' : 'deliver')
          .describe('trap: mail for foreign domains is kept, not sent. A smarthost overrides it.'),
        smarthost: z
          .preprocess(
            (v) => (v === '' ? null : v),
            z
              .string()
              .regex(/^(\[[0-9A-Fa-f:.]+\]|[^\s:]+):\d{1,5}$/, 'HOST:PORT')
              .nullable(),
          )
          .default(null)
          .describe('HOST:PORT that takes all outbound mail instead of the MX of its domain.'),
        allowPrivateAddresses: flag()
          .default(isDevelopment)
          .describe('Connect to loopback and private addresses that an MX names.'),
        retrySeconds: wholes(1, 604_800)
          .default([60, 300, 900, 1_800, 3_600, 7_200, 14_400])
          .describe('Waits between attempts; the last one repeats. ±20 % jitter.'),
        delayNoticeSeconds: whole(1, 2_592_000)
          .default(14_400)
          .describe('Age at which the sender is told that a message waits.'),
        giveUpSeconds: whole(1, 2_592_000).default(259_200).describe('Age at which a message is returned.'),
        connectionsPerDomain: whole(1, 1_000)
          .default(20)
          .describe('Connections to one domain at a time, over all processes.'),
      })
      .prefault({}),
    limits: z
      .strictObject({
        messageBytes: whole(1_024, 2 ** 31 - 1)
          .default(MAX_MESSAGE_BYTES)
          .describe('Largest message, octets (RFC 1870).'),
        recipientsMx: whole(1, 10_000)
          .default(MAX_RECIPIENTS_MX)
          .describe('Recipients of one message from another server.'),
        recipientsSubmission: whole(1, 10_000)
          .default(MAX_RECIPIENTS_SUBMISSION)
          .describe('Recipients of one message from a user.'),
        connections: whole(1, 1_000_000).default(10_000).describe('Connections to one listener.'),
        connectionsPerAddress: whole(1, 100_000)
          .default(isDevelopment ? 5_000 : 100)
          .describe('Connections from one address to one listener.'),
      })
      .prefault({}),
    log: z
      .strictObject({
        level: z
          .enum(['debug', 'info', 'warn', 'error', 'silent'])
          .default('info')
          .describe('Least severe level that is written.'),
        target: z
          .enum(['stdout', 'file'])
          .default(isDevelopment ? 'file' : 'stdout')
          .describe('stdout, or file: DATA/logs/waxwing.log.'),
      })
      .prefault({}),
  });
}

export type Settings = z.infer<ReturnType<typeof configSchema>>;

export interface SettingDoc {
  /** `outbound.retrySeconds` */
  readonly key: string;
  /** `WAXWING_OUTBOUND_RETRY_SECONDS` */
  readonly variable: string;
  readonly description: string;
  readonly defaultValue: unknown;
}

const upperSnake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

/** All settings of a profile in the order of the schema. */
export function settingDocs(profile: Profile): readonly SettingDoc[] {
  const schema = configSchema(profile);
  const defaults = schema.parse({});
  const docs: SettingDoc[] = [];
  for (const [section, wrapped] of Object.entries(schema.shape)) {
    for (const [name, field] of Object.entries(wrapped.unwrap().shape)) {
      docs.push({
        key: `${section}.${name}`,
        variable: `WAXWING_${upperSnake(section)}_${upperSnake(name)}`,
        description: (field as z.ZodType).description ?? '',
        defaultValue: (defaults as Record<string, Record<string, unknown>>)[section]?.[name],
      });
    }
  }
  return docs;
}
