#!/usr/bin/env node
/**
 * `npm test`: installs, builds, runs MongoDB and Valkey on temporary data, and runs the tests against them.
 */

import './bootstrap/check-node.mjs';
import { join } from 'node:path';
import { projectDir } from './bootstrap/paths.mjs';
import { runScript } from './bootstrap/say.mjs';
import { runWithServices } from './bootstrap/temporary-services.mjs';

const help = `Runs the tests, with a MongoDB and a Valkey of their own.

  npm test
  npm test -- [--grep PATTERN ...] [--concurrency N] [--verbose] [FILTER ...]

  FILTER           only test files whose path holds this: imap, test/mail/format, flags.test.ts
  --grep PATTERN   only tests whose title matches this regular expression
  --concurrency N  test files at the same time (default: 4)
  --verbose        also what passing test files print
  --help           this text

Exit code 0 when all passed, 1 when one failed or there was none to run.`;

await runScript(async () => {
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    console.log(help);
    return 0;
  }
  const entry = join(projectDir, 'scripts', 'bootstrap', 'run-test-files.mjs');
  return await runWithServices({ name: 'The test run', entry, args, dataOn: 'memory' });
});
