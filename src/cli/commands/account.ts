/** `waxwing account …`: who has mail here. */
import { isatty } from 'node:tty';
import { password as askPassword, isCancel } from '@clack/prompts';
import type { Command } from 'commander';
import { type Address, formatAddress, parseAddress } from '../../mail/address.ts';
import type { AccountInfo, MailStore } from '../../storage/mail-store.ts';
import { printDone, printRows, readLineFromStdin, UsageError, withStore } from '../context.ts';

export const MIN_PASSWORD_LENGTH = 8;

export function registerAccountCommands(program: Command): void {
  const account = program.command('account').description('Accounts: add, list, remove, set the password');

  account
    .command('add <address>')
    .description('make an account; its domain becomes a local one')
    .option('--password-stdin', 'read the password from standard input instead of asking')
    .option('--name <name>', 'name of the person')
    .option('--quota <bytes>', 'most octets it may keep; unlimited when left out')
    .addHelpText('after', '\nExample:\n  echo "correct horse" | waxwing account add ada@example.org --password-stdin')
    .action(
      async (text: string, options: { passwordStdin?: boolean; name?: string; quota?: string }, command: Command) => {
        const address = addressOf(text);
        const maxBytes = options.quota === undefined ? null : quotaOf(options.quota);
        const password = await passwordFor(text, options.passwordStdin ?? false);
        const made = await withStore(command, async (store) => {
          await store.directory.addDomain(address.domain);
          return store.directory.createAccount({ address, password, name: options.name ?? '', maxBytes });
        });
        printDone(command, `Account ${formatAddress(address)} is there.`, describe(made));
      },
    );

  account
    .command('list')
    .description('list the accounts')
    .action(async (_options: object, command: Command) => {
      const accounts = await withStore(command, allAccounts);
      printRows(command, accounts.map(describe), 'There are no accounts yet: waxwing account add ADDRESS');
    });

  account
    .command('remove <address>')
    .description('remove an account with all its mail, for good')
    .option('--yes', 'do not ask')
    .action(async (text: string, options: { yes?: boolean }, command: Command) => {
      if (!options.yes) throw new UsageError(`This destroys all mail of ${text}. Say it again with --yes.`);
      await withStore(command, async (store) => store.directory.removeAccount((await find(store, text)).id));
      printDone(command, `Account ${text} is gone.`, { removed: text });
    });

  account
    .command('password <address>')
    .description('set the password of an account')
    .option('--password-stdin', 'read the password from standard input instead of asking')
    .action(async (text: string, options: { passwordStdin?: boolean }, command: Command) => {
      const password = await passwordFor(text, options.passwordStdin ?? false);
      await withStore(command, async (store) => store.directory.setPassword((await find(store, text)).id, password));
      printDone(command, `The password of ${text} is changed.`, { changed: text });
    });
}

async function allAccounts(store: MailStore): Promise<readonly AccountInfo[]> {
  const pageSize = 500;
  const all: AccountInfo[] = [];
  for (;;) {
    const last = all.at(-1);
    const page = await store.directory.listAccounts({ limit: pageSize, ...(last ? { after: last.id } : {}) });
    all.push(...page);
    if (page.length < pageSize) return all;
  }
}

async function find(store: MailStore, text: string): Promise<AccountInfo> {
  const address = addressOf(text);
  const found = await store.directory.resolve(address);
  if (!found?.addresses.some((known) => known.toLowerCase() === formatAddress(address).toLowerCase()))
    throw new UsageError(`There is no account ${text}.`);
  return found;
}

function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (!address) throw new UsageError(`${text} is no mail address: write user@domain.`);
  return address;
}

function quotaOf(text: string): number {
  const bytes = Number(text);
  if (!Number.isSafeInteger(bytes) || bytes < 1)
    throw new UsageError(`--quota ${text}: write a whole number of octets.`);
  return bytes;
}

async function passwordFor(address: string, fromStdin: boolean): Promise<string> {
  if (!fromStdin && !isatty(0))
    throw new UsageError('There is no terminal to ask for the password: use --password-stdin.');
  const password = fromStdin
    ? await readLineFromStdin('The password')
    : await askPassword({ message: `Password of ${address}` });
  if (isCancel(password)) throw new UsageError('Nothing was changed.');
  if (typeof password !== 'string' || password.length < MIN_PASSWORD_LENGTH)
    throw new UsageError(`A password has at least ${MIN_PASSWORD_LENGTH} characters.`);
  return password;
}

const describe = (info: AccountInfo): Readonly<Record<string, unknown>> => ({
  address: info.addresses[0] ?? '',
  id: info.id,
  name: info.name,
  usedBytes: info.quota.usedBytes,
  maxBytes: info.quota.maxBytes,
  messages: info.quota.usedMessages,
  isDisabled: info.isDisabled,
});
