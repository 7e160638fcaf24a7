/** `waxwing domain …`: for which domains mail is kept here. */
import type { Command } from 'commander';
import { normaliseDomain } from '../../mail/address.ts';
import { printDone, printRows, UsageError, withStore } from '../context.ts';

export function registerDomainCommands(program: Command): void {
  const domain = program.command('domain').description('Domains whose mail is kept here: add, list');

  domain
    .command('add <domain>')
    .description('take mail for a domain')
    .action(async (text: string, _options: object, command: Command) => {
      const name = normaliseDomain(text);
      if (name === null || name.startsWith('[')) throw new UsageError(`${text} is no domain name.`);
      await withStore(command, (store) => store.directory.addDomain(name));
      printDone(command, `Mail for ${name} is kept here.`, { domain: name });
    });

  domain
    .command('list')
    .description('list the domains')
    .action(async (_options: object, command: Command) => {
      const domains = await withStore(command, (store) => store.directory.listDomains());
      printRows(
        command,
        domains.map((name) => ({ domain: name })),
        'There are no domains yet: waxwing domain add DOMAIN',
      );
    });
}
