/**
 * The modules of scripts/bootstrap for their tests: they are run from their sources, wherever the compiled test lies.
 */

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../support/project-root.ts';

export const projectDir = projectRoot();

/** Loads a module of scripts/bootstrap: plain JavaScript, so its types are stated by the caller. */
export async function loadBootstrap<Module>(name: string): Promise<Module> {
  return (await import(pathToFileURL(join(projectDir, 'scripts', 'bootstrap', name)).href)) as Module;
}
