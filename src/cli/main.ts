/**
 * `waxwing`: the command line of an operator. Exit code 0: done; 1: refused, with one sentence on standard error.
 */
import { Command, CommanderError } from 'commander';
import { Deferral, Refusal } from '../mail/refusal.ts';
import { ConfigError } from '../server/config.ts';
import { registerAccountCommands } from './commands/account.ts';
import { registerConfigCommands } from './commands/config.ts';
import { registerDomainCommands } from './commands/domain.ts';
import { registerQueueCommands } from './commands/queue.ts';
import { UsageError } from './context.ts';

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

export function buildProgram(): Command {
  const program = new Command('waxwing')
    .description('Waxwing mail server: accounts, domains, queue, configuration')
    .option('--data <dir>', 'data folder of the server (default: ./data)')
    .option('--config <file>', 'configuration file (TOML)')
    .option('--set <key=value>', 'one setting; may be repeated', collect, [])
    .option('--json', 'print JSON instead of text')
    .showHelpAfterError('(say it with --help to see what is possible)')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride();
  registerAccountCommands(program);
  registerDomainCommands(program);
  registerQueueCommands(program);
  registerConfigCommands(program);
  return program;
}

/** Runs one command. The exit code. */
export async function runCli(argv: readonly string[]): Promise<number> {
  try {
    await buildProgram().parseAsync(argv, { from: 'user' });
    return 0;
  } catch (cause) {
    if (cause instanceof CommanderError) return cause.exitCode;
    if (
      cause instanceof UsageError ||
      cause instanceof ConfigError ||
      cause instanceof Refusal ||
      cause instanceof Deferral
    ) {
      console.error(cause.message);
      return 1;
    }
    console.error('This is a fault of the program:', cause);
    return 70;
  }
}

process.exitCode = await runCli(process.argv.slice(2));
