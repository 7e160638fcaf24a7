import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mail, openPop3Fixture, PASSWORD } from './pop3-fixture.ts';

const COUNT = 10_000;
const fixture = await openPop3Fixture();

test('a drop of 10,000 messages is listed whole, read in one pipeline, and emptied', async (t) => {
  const user = await fixture.user();
  const message = mail('One of many');
  for (let i = 0; i < COUNT; i += 500)
    await fixture.deliver(
      user,
      Array.from({ length: 500 }, () => message),
    );
  const client = await fixture.stranger();
  await client.ok(`USER ${user.address}`);
  let began = performance.now();
  const took = (what: string): void => {
    t.diagnostic(`${what}: ${Math.round(performance.now() - began)} ms`);
    began = performance.now();
  };
  assert.equal(await client.run(`PASS ${PASSWORD}`), `+OK ${COUNT} messages (${COUNT * message.length} octets)`);
  took('login with 10,000 messages');
  assert.equal((await client.lines('LIST')).length, COUNT);
  took('LIST');
  assert.equal(new Set((await client.lines('UIDL')).map((line) => line.split(' ')[1])).size, COUNT);
  took('UIDL');
  for (let number = 1; number <= 500; number++) client.send(`RETR ${number}\r\n`);
  for (let number = 1; number <= 500; number++) {
    assert.equal(await client.line(), `+OK ${message.length} octets`);
    let octets = 0;
    for (let line = await client.line(); line !== '.'; line = await client.line()) octets += line.length + 2;
    assert.equal(octets, message.length);
  }
  took('500 RETR in a pipeline');
  client.send(Array.from({ length: COUNT }, (_, i) => `DELE ${i + 1}\r\n`).join(''));
  for (let number = 1; number <= COUNT; number++) assert.match(await client.line(), /^\+OK/);
  took('10,000 DELE in a pipeline');
  assert.match(await client.run('QUIT'), /^\+OK/);
  took('QUIT that removes 10,000 messages');
  assert.equal((await user.account.uidMap(user.inbox))!.uids.length, 0);
  assert.deepEqual(fixture.faults, []);
});
