#!/usr/bin/env node
/**
 * `npm run demo`: shows a message going all the way, on real services with temporary data.
 */

import './bootstrap/check-node.mjs';
import { join } from 'node:path';
import { distDir } from './bootstrap/paths.mjs';
import { runScript } from './bootstrap/say.mjs';
import { runWithServices } from './bootstrap/temporary-services.mjs';

await runScript(() =>
  runWithServices({
    name: 'The demo',
    entry: join(distDir, 'bench', 'demo.js'),
    args: process.argv.slice(2),
    dataOn: 'memory',
  }),
);
