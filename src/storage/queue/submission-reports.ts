/**
 * Carries what became of the recipients into the JMAP submission (RFC 8621 §7 deliveryStatus, undoStatus), as a mutation of the account that submitted,
 * so that its clients are told.
 *
 * It follows the commit of the outcome: `reportDue` on the queue row, written with the outcome, stands until the report is made, and goes in the
 * report's own transaction. What a dead process left is found at the next round. Repeating it changes nothing: it copies the row's present state.
 */
import { isDeepStrictEqual } from 'node:util';
import type { AccountId, QueueId, SubmissionId } from '../../mail/ids.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { Clock } from '../../server/clock.ts';
import type { Log } from '../../server/log.ts';
import type { Database } from '../mongo/database.ts';
import type { QueueRecipientRow, QueueRow, SubmissionRow } from '../mongo/documents.ts';
import type { AccountWriter } from '../operations/account-writer.ts';
import { LOCAL_LANE } from '../queue-record.ts';

export const REPORT_ROUND_MS = 30_000;
const ROUND_LIMIT = 1_000;
const MAX_RUNNING = 1_000;

type Reported = SubmissionRow['deliveryStatus'][number];

export class SubmissionReports {
  readonly #database: Pick<Database, 'queue'>;
  readonly #writer: Pick<AccountWriter, 'mutate'>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #end = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #rounds: Promise<void>;

  constructor(database: Pick<Database, 'queue'>, writer: Pick<AccountWriter, 'mutate'>, clock: Clock, log: Log) {
    this.#database = database;
    this.#writer = writer;
    this.#clock = clock;
    this.#log = log;
    this.#rounds = this.#runRounds();
  }

  /** Reports soon; the next round finds what fails here. */
  add(row: Pick<QueueRow, '_id' | 'senderAccount' | 'submission' | 'reportDue'>): void {
    const { senderAccount, submission, reportDue } = row;
    if (senderAccount === null || submission === null || reportDue === undefined) return;
    if (this.#running.size >= MAX_RUNNING || this.#end.signal.aborted) return;
    const running = this.#report(senderAccount, submission, row._id).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async close(): Promise<void> {
    this.#end.abort();
    await this.#rounds;
    await Promise.all(this.#running);
  }

  async #runRounds(): Promise<void> {
    while (!this.#end.signal.aborted) {
      try {
        await this.#round();
      } catch (cause) {
        this.#log.warn({ cause }, 'submissions not brought up to date now');
      }
      try {
        await this.#clock.wait(REPORT_ROUND_MS, this.#end.signal);
      } catch {
        return; // closing
      }
    }
  }

  async #round(): Promise<void> {
    const rows = await this.#database.queue
      .find(
        { reportDue: { $exists: true, $lte: this.#clock.now() } },
        { projection: { senderAccount: 1, submission: 1, reportDue: 1 }, sort: { reportDue: 1 }, limit: ROUND_LIMIT },
      )
      .toArray();
    for (const { _id, senderAccount, submission } of rows) {
      if (this.#end.signal.aborted) return;
      if (senderAccount !== null && submission !== null) await this.#report(senderAccount, submission, _id);
    }
  }

  async #report(account: AccountId, id: SubmissionId, queue: QueueId): Promise<void> {
    try {
      await this.#writer.mutate(account, {
        needs: { submissions: [id], queue: [queue] },
        weight: 2,
        forecast: { states: ['EmailSubmission'], bytes: 0, messages: 0 },
        apply: (work) => {
          const entry = work.queued(queue);
          if (entry?.reportDue === undefined) return () => undefined;
          const { reportDue: _done, ...rest } = entry;
          work.putQueued(rest);
          const row = work.submission(id);
          if (row === undefined) return () => undefined;
          const undoStatus = row.undoStatus === 'pending' ? 'final' : row.undoStatus;
          const deliveryStatus = entry.recipients.map((recipient) =>
            statusOf(
              recipient,
              row.deliveryStatus.find((known) => known.address === recipient.address),
            ),
          );
          if (undoStatus !== row.undoStatus || !isDeepStrictEqual(deliveryStatus, row.deliveryStatus)) {
            work.putSubmission({ ...row, undoStatus, deliveryStatus });
          }
          return () => undefined;
        },
      });
    } catch (cause) {
      if (cause instanceof Refusal && cause.code === 'notFound') await this.#forget(queue);
      else this.#log.warn({ queueId: queue, cause }, 'submission not brought up to date, again later');
    }
  }

  /** The account is gone. */
  async #forget(queue: QueueId): Promise<void> {
    await this.#database.queue.updateOne({ _id: queue }, { $unset: { reportDue: 1 } }).catch((cause: unknown) => {
      this.#log.warn({ queueId: queue, cause }, 'a report to an account that is gone stays');
    });
  }
}

function statusOf(recipient: QueueRecipientRow, known: Reported | undefined): Reported {
  return {
    address: recipient.address,
    smtpReply: recipient.lastReply === undefined ? (known?.smtpReply ?? '') : replyText(recipient.lastReply),
    delivered: deliveredOf(recipient),
    displayed: known?.displayed ?? 'unknown',
  };
}

/** RFC 8621 §7: 'yes' only for what is in a mailbox; what another host took over may still come to nothing. */
function deliveredOf(recipient: QueueRecipientRow): Reported['delivered'] {
  switch (recipient.state) {
    case 'sent':
      return recipient.lane === LOCAL_LANE ? 'yes' : 'unknown';
    case 'bounced':
    case 'expired':
    case 'cancelled':
      return 'no';
    case 'ready':
    case 'leased':
    case 'sending':
    case 'held':
    case 'deferred':
      return 'queued';
    default:
      return recipient.state satisfies never;
  }
}

/** RFC 8621 §7: a reply of several lines becomes one. */
function replyText(reply: NonNullable<QueueRecipientRow['lastReply']>): string {
  const status = reply.status === null ? '' : `${reply.status} `;
  return `${reply.code} ${status}${reply.lines.join(' ')}`.trimEnd();
}
