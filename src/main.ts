/**
 * The composition root: reads the configuration, opens the record, starts what the roles ask for, says so, and stops everything in order.
 * Exit code 0 after a stop that was asked for, 1 when it could not start, with one sentence on standard error.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Deferral } from './mail/refusal.ts';
import { type Config, ConfigError, loadConfig } from './server/config.ts';
import { openLog } from './server/log.ts';
import { createShutdown } from './server/shutdown.ts';
import { startRoles } from './start/start-roles.ts';

const HELP = `Runs the Waxwing mail server. MongoDB and Redis or Valkey must be there already; \`npm start\` brings them along.

  node dist/src/main.js [--data DIR] [--config FILE] [--set KEY=VALUE ...] [--roles NAMES]

  --data DIR       data folder (default: ./data)
  --config FILE    configuration file (TOML)
  --set KEY=VALUE  one setting; may be given many times. config/reference.md lists all of them
  --roles NAMES    what this process does: smtp,submission,lmtp,imap,pop3,jmap,delivery (default: all)
  --help, --version`;

function versionOfPackage(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    try {
      return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version;
    } catch (cause) {
      if (folder === dirname(folder)) throw cause;
      folder = dirname(folder);
    }
  }
}

/** The configuration that the command line asks for, or null when it only asked a question, which is answered then. */
function readCommandLine(): Config | null {
  const text = { type: 'string' } as const;
  let values: { data?: string; config?: string; roles?: string; set?: string[]; help?: boolean; version?: boolean };
  try {
    ({ values } = parseArgs({
      options: {
        data: text,
        config: text,
        roles: text,
        set: { type: 'string', multiple: true },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    }));
  } catch (cause) {
    throw new ConfigError(`${(cause as Error).message.split('\n')[0]} (--help tells what there is)`, { cause });
  }
  if (values.help || values.version) {
    console.log(values.help ? HELP : versionOfPackage());
    return null;
  }
  return loadConfig({ set: values.set ?? [], file: values.config, data: values.data, roles: values.roles });
}

async function run(config: Config): Promise<void> {
  const log = openLog({
    level: config.log.level,
    file: config.log.target === 'file' ? join(config.data, 'logs', 'waxwing.log') : null,
  });
  const shutdown = createShutdown(log, (config.server.drainSeconds + 10) * 1_000);
  const stop = async (reason: string, exitCode: number): Promise<never> => {
    await shutdown.stop(reason);
    process.exit(exitCode);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop(signal, 0));
  if (config.exitOnStdinEof) process.stdin.on('end', () => void stop('the parent is gone', 0)).resume();
  process.on('uncaughtException', (cause) => {
    log.error({ cause }, 'a defect: stopping, the record is safe');
    console.error('Waxwing stops because of a defect:', cause);
    void stop('a defect', 70);
  });

  try {
    const facts = await startRoles(config, versionOfPackage(), log, shutdown);
    console.log(facts);
  } catch (cause) {
    if (shutdown.isStopping) return;
    log.error({ cause }, 'the start failed');
    await shutdown.stop('the start failed');
    throw cause;
  }
}

/** What hinders a listener is the operator's to mend: one sentence. */
function listenFault(cause: unknown): string | null {
  const { code, syscall, address, port } = cause as NodeJS.ErrnoException & { address?: string; port?: number };
  if (syscall !== 'listen' && syscall !== 'bind') return null;
  const why =
    code === 'EADDRINUSE' ? 'another process has it' : code === 'EACCES' ? 'this user may not take it' : String(code);
  return `Port ${port} on ${address} cannot be listened on: ${why}. Choose another (--set ports.NAME=PORT, or ports=auto).`;
}

try {
  const config = readCommandLine();
  if (config) await run(config);
} catch (cause) {
  console.error(
    cause instanceof ConfigError || cause instanceof Deferral ? cause.message : (listenFault(cause) ?? cause),
  );
  process.exit(1);
}
