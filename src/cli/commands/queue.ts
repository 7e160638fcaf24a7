/** `waxwing queue …`: what waits for delivery, and why. */
import type { Command } from 'commander';
import { tellSchedule } from '../../delivery/queue/tell-schedule.ts';
import type { QueueId } from '../../mail/ids.ts';
import { FINAL_STATES, type Operated, type QueueDue, type QueueEntry } from '../../storage/queue-record.ts';
import { globalsOf, printDone, printRows, UsageError, withStore } from '../context.ts';

const DEFAULT_LIMIT = 100;

export function registerQueueCommands(program: Command): void {
  const queue = program.command('queue').description('The delivery queue: list, show, retry, hold, release, drop');

  queue
    .command('list')
    .description('list what waits, a line for each recipient')
    .option('--all', 'what is done as well')
    .option('--limit <n>', 'at most so many messages', String(DEFAULT_LIMIT))
    .action(async (options: { all?: boolean; limit: string }, command: Command) => {
      const limit = Number(options.limit);
      if (!Number.isSafeInteger(limit) || limit < 1)
        throw new UsageError(`--limit ${options.limit}: write a whole number above 0.`);
      const entries = await withStore(command, (store) =>
        store.queue.list({ limit, includeFinal: options.all ?? false }),
      );
      printRows(
        command,
        entries.flatMap((entry) => linesOf(entry, options.all ?? false)),
        'The queue is empty.',
      );
    });

  queue
    .command('retry [id]')
    .description('try again now: one message, or everything that waits')
    .action(async (id: string | undefined, _options: object, command: Command) => {
      const count = await withStore(command, async (store, schedule) => {
        if (id !== undefined && (await store.queue.get(id as QueueId)) === null)
          throw new UsageError(`There is no message ${id} in the queue.`);
        const due: QueueDue[] = [];
        store.queue.onAccepted((more) => due.push(...more));
        const made = await store.queue.retryNow(id as QueueId | undefined);
        await tellSchedule(schedule, due);
        return made;
      });
      printDone(
        command,
        count === 0 ? 'Nothing waits.' : `${count} ${count === 1 ? 'recipient is' : 'recipients are'} due now.`,
        { due: count },
      );
    });

  queue
    .command('show <id>')
    .description('show one message and what became of each recipient')
    .action(async (id: string, _options: object, command: Command) => {
      const entry = known(await withStore(command, (store) => store.queue.get(id as QueueId)), id);
      if (globalsOf(command).json) {
        const { index: _index, ...facts } = entry;
        return printDone(command, '', facts);
      }
      printRows(command, headOf(entry), '');
      console.log('');
      printRows(command, linesOf(entry, true), '');
    });

  operation(queue, 'hold', 'keep a message in the queue until it is released', 'held');
  operation(queue, 'release', 'let a held message go, at once', 'released');
  operation(queue, 'drop', 'take a message out of the queue; nobody is told', 'dropped');
}

function operation(queue: Command, verb: 'hold' | 'release' | 'drop', description: string, done: string): void {
  queue
    .command(`${verb} <id>`)
    .description(description)
    .action(async (id: string, _options: object, command: Command) => {
      const operated = await withStore(command, async (store, schedule) => {
        const due: QueueDue[] = [];
        store.queue.onAccepted((more) => due.push(...more));
        const result = await store.queue[verb](id as QueueId);
        await tellSchedule(schedule, due);
        return result;
      });
      const { recipients, inFlight }: Operated = known(operated, id);
      const rest = inFlight === 0 ? '' : ` ${inFlight} being attempted now: not ${done}.`;
      printDone(command, `Recipients ${done}: ${recipients}.${rest}`, { [done]: recipients, inFlight });
    });
}

function known<T>(found: T | null, id: string): T {
  if (found === null) throw new UsageError(`${id}: there is no such message in the queue.`);
  return found;
}

function headOf(entry: QueueEntry): readonly Readonly<Record<string, unknown>>[] {
  const { id, source, sender, acceptedAt, body, submission, senderAccount } = entry;
  const facts = { id, from: `<${sender.address}>`, source, accepted: acceptedAt.toISOString(), size: body.size };
  return Object.entries({ ...facts, body: body.id, envid: sender.envid, account: senderAccount, submission }).map(
    ([field, value]) => ({ field, value }),
  );
}

function linesOf(entry: QueueEntry, withFinal: boolean): readonly Readonly<Record<string, unknown>>[] {
  const shown = withFinal
    ? entry.recipients
    : entry.recipients.filter((recipient) => !FINAL_STATES.includes(recipient.state));
  return shown.map((recipient) => ({
    id: entry.id,
    accepted: entry.acceptedAt.toISOString(),
    size: entry.body.size,
    from: `<${entry.sender.address}>`,
    to: recipient.address,
    state: recipient.state,
    attempts: recipient.attempts,
    twice: recipient.mayBeSentTwice ?? 0,
    next: recipient.state === 'ready' || recipient.state === 'deferred' ? recipient.nextAt.toISOString() : null,
    reply: recipient.lastReply ? `${recipient.lastReply.code} ${recipient.lastReply.lines[0] ?? ''}` : null,
  }));
}
