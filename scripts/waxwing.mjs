#!/usr/bin/env node
/**
 * `npx waxwing`: the command line tool, after making sure that packages and build are current.
 *
 * Standard output belongs to the tool; what installing or building has to say goes to standard error.
 */

import './bootstrap/check-node.mjs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from './bootstrap/build.mjs';
import { install } from './bootstrap/install.mjs';
import { distDir } from './bootstrap/paths.mjs';
import { Halt, whisper } from './bootstrap/say.mjs';

whisper();
try {
  await install();
  await build();
} catch (error) {
  console.error(error instanceof Halt ? error.message : error);
  process.exit(1);
}
process.setSourceMapsEnabled(true);
await import(pathToFileURL(join(distDir, 'src', 'cli', 'main.js')).href);
