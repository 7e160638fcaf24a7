#!/usr/bin/env node
/**
 * `npm run bench`: measures Waxwing on real services. Their data is temporary but on the project's disk, since the time
 * that a disk takes to keep a message is part of every number.
 */

import './bootstrap/check-node.mjs';
import { join } from 'node:path';
import { distDir } from './bootstrap/paths.mjs';
import { runScript } from './bootstrap/say.mjs';
import { runWithServices } from './bootstrap/temporary-services.mjs';

await runScript(() =>
  runWithServices({
    name: 'The benchmark',
    entry: join(distDir, 'bench', 'main.js'),
    args: process.argv.slice(2),
    dataOn: 'disk',
  }),
);
