/**
 * Where settings come from, later ones winning: the defaults of the profile, a TOML file, the environment, --set. The only reader of
 * `process.env`. A setting that doesn't fit is one clear sentence with its key and its source; nothing is guessed.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse as parseToml } from 'smol-toml';
import { configSchema, PROFILES, type Profile, type Settings, settingDocs } from './config-schema.ts';

export interface Config extends Settings {
  readonly profile: Profile;
  /** Absolute path of the data folder. */
  readonly data: string;
  /** WAXWING_EXIT_ON_STDIN_EOF=1: the end of standard input means that the parent is gone. */
  readonly exitOnStdinEof: boolean;
}

/** A mistake of the operator: shown as it is, without a stack. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export interface ConfigSources {
  /** Values of --set, `key=value`. */
  readonly set?: readonly string[];
  readonly file?: string | undefined;
  readonly data?: string | undefined;
  readonly roles?: string | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** @throws ConfigError */
export function loadConfig(sources: ConfigSources): Config {
  const environment = sources.environment ?? process.env;
  const sets = parseSets(sources.set ?? []);
  const file = readConfigFile(sources.file ?? environment.WAXWING_CONFIG);
  const profile = pickProfile(sets.get('profile') ?? environment.WAXWING_PROFILE ?? file.get('profile'));
  const data = resolve(
    String(sources.data ?? sets.get('data') ?? environment.WAXWING_DATA ?? file.get('data') ?? 'data'),
  );
  for (const values of [sets, file]) {
    values.delete('profile');
    values.delete('data');
  }

  const merged = new Map<string, { value: unknown; source: string }>();
  for (const [key, value] of file) merged.set(key, { value, source: 'the configuration file' });
  for (const { key, variable } of settingDocs(profile)) {
    const value =
      environment[variable] ??
      (key === 'mongodb.uri' ? environment.MONGODB_URI : key === 'redis.url' ? environment.REDIS_URL : undefined);
    if (value !== undefined) merged.set(key, { value, source: variable });
  }
  for (const [key, value] of sets) merged.set(key, { value, source: '--set' });
  if (sources.roles !== undefined) merged.set('server.roles', { value: sources.roles, source: '--roles' });

  return { ...check(profile, merged), profile, data, exitOnStdinEof: environment.WAXWING_EXIT_ON_STDIN_EOF === '1' };
}

function check(profile: Profile, merged: ReadonlyMap<string, { value: unknown; source: string }>): Settings {
  const tree: Record<string, Record<string, unknown>> = {};
  const known = new Set(settingDocs(profile).map((doc) => doc.key));
  for (const [key, { value, source }] of merged) {
    if (!known.has(key))
      throw new ConfigError(`${key} (from ${source}) is no setting. \`waxwing config print\` lists all of them.`);
    const [section = '', name = ''] = key.split('.');
    tree[section] ??= {};
    tree[section][name] = value;
  }
  const parsed = configSchema(profile).safeParse(tree);
  if (parsed.success) return parsed.data;
  const sentences = parsed.error.issues.map((issue) => {
    const key = issue.path.slice(0, 2).join('.');
    return `${key} (from ${merged.get(key)?.source ?? 'the defaults'}): ${issue.message}`;
  });
  throw new ConfigError(sentences.join('\n'));
}

/** `--set a.b=c`; the value may hold '='. `ports=auto` takes a free port for every listener. */
function parseSets(sets: readonly string[]): Map<string, unknown> {
  const values = new Map<string, unknown>();
  for (const entry of sets) {
    const at = entry.indexOf('=');
    if (at < 1) throw new ConfigError(`--set ${entry}: write it as key=value.`);
    const key = entry.slice(0, at).trim();
    const value = entry.slice(at + 1);
    if (key === 'ports') {
      if (value !== 'auto')
        throw new ConfigError('--set ports: only `ports=auto` is possible; single ports are set by `ports.imap=1143`.');
      for (const doc of settingDocs('development')) if (doc.key.startsWith('ports.')) values.set(doc.key, 0);
    } else values.set(key, key.startsWith('ports.') && value === 'off' ? null : value);
  }
  return values;
}

function readConfigFile(file: string | undefined): Map<string, unknown> {
  const values = new Map<string, unknown>();
  if (file === undefined) return values;
  let parsed: Record<string, unknown>;
  try {
    parsed = parseToml(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new ConfigError(
      `The configuration file ${file} can't be read: ${cause instanceof Error ? cause.message.split('\n')[0] : String(cause)}`,
      { cause },
    );
  }
  for (const [section, content] of Object.entries(parsed)) {
    if (typeof content === 'object' && content !== null && !Array.isArray(content)) {
      for (const [name, value] of Object.entries(content)) values.set(`${section}.${name}`, value);
    } else values.set(section, content);
  }
  return values;
}

function pickProfile(value: unknown): Profile {
  if (value === undefined) return 'development';
  const profile = PROFILES.find((name) => name === value);
  if (!profile) throw new ConfigError(`profile is ${JSON.stringify(value)}: it must be one of ${PROFILES.join(', ')}.`);
  return profile;
}
