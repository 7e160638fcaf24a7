/**
 * The project's folder as the tests of the scripts need it: the scripts are run from their sources, wherever the
 * compiled test lies.
 */

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const projectDir = findProject(dirname(fileURLToPath(import.meta.url)));

function findProject(dir: string): string {
  return existsSync(join(dir, 'package.json')) ? dir : findProject(dirname(dir));
}

/** Loads a module of scripts/bootstrap: plain JavaScript, so its types are stated by the caller. */
export async function loadBootstrap<Module>(name: string): Promise<Module> {
  return (await import(pathToFileURL(join(projectDir, 'scripts', 'bootstrap', name)).href)) as Module;
}
