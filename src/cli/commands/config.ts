/** `waxwing config …`: the settings in force, and whether they hold. */
import type { Command } from 'commander';
import { renderConfigReference } from '../../server/config-reference.ts';
import { settingDocs } from '../../server/config-schema.ts';
import { configOf, globalsOf, printDone, printRows } from '../context.ts';

/** Passwords inside a URL are not shown. */
export const withoutSecret = (value: unknown): unknown =>
  typeof value === 'string' ? value.replace(/(:\/\/[^\s:/@]*):[^\s/@]+@/, '$1:***@') : value;

export function registerConfigCommands(program: Command): void {
  const config = program.command('config').description('Configuration: check it, print it');

  config
    .command('check')
    .description('say whether the configuration holds; exit code 1 when not')
    .action((_options: object, command: Command) => {
      const checked = configOf(globalsOf(command));
      printDone(command, `The configuration holds (profile ${checked.profile}, data in ${checked.data}).`, {
        ok: true,
        profile: checked.profile,
        data: checked.data,
      });
    });

  config
    .command('print')
    .description('print every setting with its value and its environment variable')
    .action((_options: object, command: Command) => {
      const checked = configOf(globalsOf(command));
      const values = checked as unknown as Record<string, Record<string, unknown>>;
      const rows = settingDocs(checked.profile).map((doc) => {
        const [section = '', name = ''] = doc.key.split('.');
        return {
          setting: doc.key,
          value: withoutSecret(values[section]?.[name]),
          variable: doc.variable,
          meaning: doc.description,
        };
      });
      printRows(command, rows, '');
    });

  config
    .command('reference')
    .description('print config/reference.md: every setting with its defaults')
    .action(() => {
      process.stdout.write(renderConfigReference());
    });
}
