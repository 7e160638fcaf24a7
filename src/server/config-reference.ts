/**
 * config/reference.md, made from the schema: `waxwing config reference > config/reference.md`. A test holds the file to it.
 */
import { PROFILES, settingDocs } from './config-schema.ts';

/** The page as Markdown. */
export function renderConfigReference(): string {
  const [development, production] = PROFILES.map((profile) => settingDocs(profile));
  const lines = [
    '# Settings',
    '',
    'Made by `npx waxwing config reference`. Later sources win: the defaults of the profile, the TOML file (`--config FILE`), the environment,',
    '`--set section.name=value`. `profile` is `development` (default) or `production` (`--set profile=production`, `WAXWING_PROFILE`). `--set ports=auto`',
    'takes a free port for every listener; `--set ports.NAME=off` leaves one out. `MONGODB_URI` and `REDIS_URL` are understood as well.',
    '',
    '| setting | variable | development | production | meaning |',
    '|---|---|---|---|---|',
  ];
  development?.forEach((doc, i) => {
    lines.push(
      `| \`${doc.key}\` | \`${doc.variable}\` | ${shown(doc.key, doc.defaultValue)} | ${shown(doc.key, production?.[i]?.defaultValue)} | ${doc.description.replaceAll('|', '\\|')} |`,
    );
  });
  return `${lines.join('\n')}\n`;
}

function shown(key: string, value: unknown): string {
  if (value === null) return key.startsWith('ports.') ? 'off' : 'none';
  if (key === 'server.hostname' && value !== 'localhost') return 'name of the host';
  return `\`${Array.isArray(value) ? value.join(',') : String(value)}\``;
}
