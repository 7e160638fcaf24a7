/**
 * The health check of the image: healthy only if every listener takes a connection.
 */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { projectDir } from './project.ts';
import { RunningScript, type ScriptEnd } from './running-script.ts';

describe('deploy/healthcheck.mjs', () => {
  let dataDir: string;
  let server: Server;
  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'waxwing health '));
    mkdirSync(join(dataDir, 'run'));
    server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  after(() => {
    server.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const check = (): Promise<ScriptEnd> =>
    new RunningScript(process.execPath, [join(projectDir, 'deploy', 'healthcheck.mjs')], {
      env: { WAXWING_DATA: dataDir },
    }).ended;
  const ready = (...listeners: object[]): void =>
    writeFileSync(join(dataDir, 'run', 'ready.json'), JSON.stringify({ pid: process.pid, listeners }));

  it('is unhealthy before the server is ready', async () => {
    const { code, output } = await check();
    assert.equal(code, 1);
    assert.match(output, /^unhealthy: ENOENT/);
  });

  it('is healthy when every listener answers, whatever address it is bound to', async () => {
    const { port } = server.address() as AddressInfo;
    ready({ name: 'imap', host: '127.0.0.1', port }, { name: 'smtp', host: '0.0.0.0', port });
    const { code, output } = await check();
    assert.deepEqual({ code, output }, { code: 0, output: 'healthy: imap, smtp\n' });
  });

  it('is unhealthy when one does not, and names it', async () => {
    ready({ name: 'imap', host: '127.0.0.1', port: 1 });
    const { code, output } = await check();
    assert.equal(code, 1);
    assert.match(output, /^unhealthy: imap on port 1: .*ECONNREFUSED/);
  });
});
