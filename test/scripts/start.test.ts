/**
 * `npm start`: what runs, in which order it ends, and that nothing is ever left running.
 */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { projectDir } from './project.ts';
import { processesWith, RunningScript, startScript, theProcess, until } from './running-script.ts';

const home = mkdtempSync(join(tmpdir(), 'waxwing start '));
const servers = join(home, 'servers');
let count = 0;
let dataDir: string;

/** A folder with a space in its name, and a name that no other process has in its command line. */
function newDataDir(): string {
  count += 1;
  dataDir = join(home, `data ${count}`);
  return dataDir;
}

const ready = /server ready (.*)/;
const standInLog = (): string => readFileSync(join(dataDir, 'stand-in.log'), 'utf8');
const allGone = (): Promise<void> => until('no process has the data folder', () => processesWith(dataDir).length === 0);

describe('npm start', () => {
  before(() => {
    mkdirWithLinks();
    process.env['PATH'] = [servers, process.env['PATH']].join(delimiter);
  });
  afterEach(() => {
    for (const { pid } of processesWith(home)) process.kill(pid, 'SIGKILL');
  });
  after(() => rmSync(home, { recursive: true, force: true }));

  it('passes its arguments and the addresses of the services on to the server', async () => {
    const config = join(home, 'waxwing.toml');
    writeFileSync(config, '[smtp]\nport = 2525\n');
    const script = startScript(newDataDir(), ['--config', config, '--set', 'ports=auto', '--roles', 'smtp,imap']);
    const [, printed] = await script.printed(ready);
    const args = JSON.parse(printed!) as string[];
    assert.deepEqual(args.slice(0, 6), ['--data', dataDir, '--config', config, '--roles', 'smtp,imap']);
    const settings = args.filter((_, index) => args[index - 1] === '--set');
    assert.equal(settings[0], 'ports=auto');
    assert.match(settings[1]!, /^mongodb\.uri=mongodb:\/\/127\.0\.0\.1:\d+\/\?replicaSet=wx$/);
    assert.match(settings[2]!, /^redis\.url=redis:\/\/127\.0\.0\.1:\d+$/);
    process.kill(script.pid, 'SIGTERM');
    assert.equal((await script.ended).code, 0);
  });

  it('prints each service with the reason why it was chosen', async () => {
    const script = startScript(newDataDir());
    await script.printed(ready);
    process.kill(script.pid, 'SIGTERM');
    const { output } = await script.ended;
    assert.match(output, /^MongoDB \d+\.\d+\.\d+: .*mongod, found on PATH$/m);
    assert.match(output, /^Valkey \d+\.\d+\.\d+: .*valkey-server, found on PATH$/m);
  });

  it('ends on Ctrl-C with the server first, drained while the databases are up, and exit code 0', async () => {
    const script = startScript(newDataDir());
    await script.printed(ready);
    // What a terminal does: the signal goes to the whole foreground group.
    process.kill(-script.pid, 'SIGINT');
    assert.equal((await script.ended).code, 0);
    assert.equal(standInLog(), 'draining after SIGTERM\ndrained with databases up\n');
    assert.deepEqual(processesWith(dataDir), []);
  });

  it('does not wait for a server that will not drain once Ctrl-C is pressed twice', async () => {
    const script = startScript(newDataDir(), [], { STAND_IN_DRAIN_MS: '600000' });
    await script.printed(ready);
    process.kill(-script.pid, 'SIGINT');
    await until('it drains', () => script.output.includes('Stopping') && processesWith(dataDir).length > 0);
    await until('the server was asked', () => logExists() && standInLog().includes('draining'));
    process.kill(-script.pid, 'SIGINT');
    assert.equal((await script.ended).code, 0);
    assert.deepEqual(processesWith(dataDir), []);
  });

  it('leaves nothing behind when it is killed, and the server is still drained first', async () => {
    const script = startScript(newDataDir());
    await script.printed(ready);
    process.kill(script.pid, 'SIGKILL');
    await script.ended;
    await allGone();
    assert.match(standInLog(), /^draining after SIGTERM\ndrained with databases up\n$/);
  });

  it('leaves nothing behind when its guard is killed, and says so', async () => {
    const script = startScript(newDataDir());
    await script.printed(ready);
    process.kill(theProcess('guard.mjs', dataDir), 'SIGKILL');
    const { code, output } = await script.ended;
    assert.equal(code, 1);
    assert.match(output, /^The process that guards the servers was killed, so everything is stopped\.$/m);
    await allGone();
  });

  it('leaves nothing behind when script and guard are killed at once', {
    skip: process.platform !== 'linux',
  }, async () => {
    const script = startScript(newDataDir());
    await script.printed(ready);
    const guard = theProcess('guard.mjs', dataDir);
    process.kill(script.pid, 'SIGSTOP');
    process.kill(guard, 'SIGKILL');
    process.kill(script.pid, 'SIGKILL');
    await script.ended;
    await allGone();
  });

  it('stops when the npm that ran it is killed', async () => {
    newDataDir();
    const script = new RunningScript('npm', ['--prefix', projectDir, 'start', '--', '--data', dataDir], {
      cwd: home,
      env: { WAXWING_SERVER_ENTRY: join(projectDir, 'test', 'fixtures', 'scripts', 'stand-in-server.mjs') },
    });
    await script.printed(ready);
    process.kill(script.pid, 'SIGKILL');
    await allGone();
    assert.match(standInLog(), /drained with databases up/);
  });

  it('ends with one sentence when a database dies', async () => {
    const script = startScript(newDataDir());
    await script.printed(ready);
    process.kill(theProcess('--replSet', dataDir), 'SIGKILL');
    const { code, output } = await script.ended;
    assert.equal(code, 1);
    assert.match(output, /^MongoDB ended by itself \(SIGKILL\): see .*mongodb\.log$/m);
    assert.deepEqual(processesWith(dataDir), []);
  });

  it('ends with the exit code of the server when that ends by itself', async () => {
    const entry = join(home, 'fails.mjs');
    writeFileSync(entry, 'process.exit(7);\n');
    const script = startScript(newDataDir(), [], { WAXWING_SERVER_ENTRY: entry });
    assert.equal((await script.ended).code, 7);
    assert.deepEqual(processesWith(dataDir), []);
  });

  it('stops databases that an earlier run left, and only those', async () => {
    // Without setpriv in PATH nothing but the guard and the script can stop the databases, and both are killed.
    const first = startScript(newDataDir(), [], { PATH: servers });
    await first.printed(ready);
    const guard = theProcess('guard.mjs', dataDir);
    process.kill(first.pid, 'SIGSTOP');
    process.kill(guard, 'SIGKILL');
    process.kill(first.pid, 'SIGKILL');
    await first.ended;
    const left = theProcess('--replSet', dataDir);

    const second = startScript(dataDir);
    await second.printed(ready);
    assert.match(
      second.output,
      new RegExp(`^MongoDB of an earlier run that was killed still runs \\(pid ${left}\\)`, 'm'),
    );
    assert.ok(!processesWith(dataDir).some(({ pid }) => pid === left));
    process.kill(second.pid, 'SIGTERM');
    assert.equal((await second.ended).code, 0);
  });

  it('says in one sentence that one is running on the same data, and how to stop it', async () => {
    const first = startScript(newDataDir());
    await first.printed(ready);
    const second = await startScript(dataDir).ended;
    assert.equal(second.code, 1);
    assert.equal(
      second.output,
      `Waxwing is already running on ${dataDir} (pid ${first.pid}): stop it with Ctrl-C where it was started, or with "kill ${first.pid}".\n`,
    );
    process.kill(first.pid, 'SIGTERM');
    assert.equal((await first.ended).code, 0);
  });

  it('takes over from one that was killed, on the same ports', async () => {
    const first = startScript(newDataDir());
    const [, before] = await first.printed(ready);
    process.kill(first.pid, 'SIGKILL');
    await allGone();
    const second = startScript(dataDir);
    const [, now] = await second.printed(ready);
    assert.equal(now, before);
    process.kill(second.pid, 'SIGTERM');
    assert.equal((await second.ended).code, 0);
  });

  it('moves to other ports when the remembered ones are taken, and the replica set moves along', async () => {
    const first = startScript(newDataDir());
    await first.printed(ready);
    process.kill(first.pid, 'SIGTERM');
    await first.ended;
    const { mongodb, valkey } = readPorts();
    const squatters = await Promise.all([mongodb, valkey].map(squat));
    try {
      const second = startScript(dataDir);
      await second.printed(ready);
      assert.notEqual(readPorts().mongodb, mongodb);
      assert.notEqual(readPorts().valkey, valkey);
      process.kill(second.pid, 'SIGTERM');
      assert.equal((await second.ended).code, 0);
    } finally {
      for (const squatter of squatters) squatter.close();
    }
  });
});

describe('npm start with a URL that is told', () => {
  it('refuses a MongoDB that does not answer, in one sentence without the password', async () => {
    const script = startScript(newDataDir(), ['--set', 'mongodb.uri=mongodb://me:secret@127.0.0.1:1/']);
    const { code, output } = await script.ended;
    assert.equal(code, 1);
    assert.match(output, /^MongoDB at mongodb:\/\/\*\*\*@127\.0\.0\.1:1\/, as told, does not answer: .*\.\n$/);
    assert.doesNotMatch(output, /secret/);
  });

  it('refuses a Redis that does not answer', async () => {
    const uri = process.env['WAXWING_TEST_MONGODB_URI'];
    assert.ok(uri, 'the tests run with services: npm test');
    const script = startScript(newDataDir(), [], { MONGODB_URI: uri, REDIS_URL: 'redis://:secret@127.0.0.1:1' });
    const { code, output } = await script.ended;
    assert.equal(code, 1);
    assert.match(
      output,
      /^MongoDB \S+: told by MONGODB_URI\nRedis at redis:\/\/\*\*\*@127\.0\.0\.1:1, as told, does not answer: .*\.\n$/,
    );
  });

  it('runs on told services and starts none', async () => {
    const uri = process.env['WAXWING_TEST_MONGODB_URI'];
    const url = process.env['WAXWING_TEST_REDIS_URL'];
    assert.ok(uri && url, 'the tests run with services: npm test');
    const script = startScript(newDataDir(), ['--set', `mongodb.uri=${uri}`], { REDIS_URL: url });
    const [, args] = await script.printed(ready);
    assert.deepEqual(JSON.parse(args!), ['--data', dataDir, '--set', `mongodb.uri=${uri}`]);
    assert.match(script.output, /^MongoDB \S+: told by --set mongodb\.uri\nRedis or Valkey \S+: told by REDIS_URL$/m);
    assert.equal(
      processesWith(dataDir).filter(({ commandLine }) => /--replSet|valkey-server/.test(commandLine)).length,
      0,
    );
    process.kill(script.pid, 'SIGKILL');
    await allGone();
  });
});

describe('the arguments of npm start', () => {
  for (const args of [['--dta', 'x'], ['--set', 'novalue'], ['stray']]) {
    it(`refuses ${args.join(' ')} in one line`, async () => {
      const { code, output } = await startScript(newDataDir(), args).ended;
      assert.equal(code, 1);
      assert.match(output, /^[^\n]+\n$/);
    });
  }
});

/** PATH for the scripts under test: the database programs of the test run, and node, but not setpriv. */
function mkdirWithLinks(): void {
  const programs = { mongod: process.env['WAXWING_TEST_MONGOD'], 'valkey-server': process.env['WAXWING_TEST_VALKEY'] };
  mkdirSync(servers, { recursive: true });
  for (const [name, path] of Object.entries(programs)) {
    assert.ok(path, 'the tests run with services: npm test');
    symlinkSync(path, join(servers, name));
  }
}

function logExists(): boolean {
  return existsSync(join(dataDir, 'stand-in.log'));
}

function readPorts(): { mongodb: number; valkey: number } {
  return JSON.parse(readFileSync(join(dataDir, 'run', 'ports.json'), 'utf8')) as { mongodb: number; valkey: number };
}

/** Takes a port, and hangs up on whoever calls. */
function squat(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.on('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
