/**
 * Development: mail for foreign domains is taken from the queue and sent nowhere. It counts as sent, keeps its octets as long as its row lives,
 * and is seen by `waxwing queue list --all`.
 */
import type { Lease } from '../../storage/queue-record.ts';
import { type AttemptResult, ownReply } from '../queue/outcome.ts';

export async function trapMail(lease: Lease): Promise<readonly AttemptResult[]> {
  const reply = ownReply(250, '2.0.0', 'trapped, not sent (development)');
  return lease.recipients.map(({ index }) => ({ index, result: 'sent', reply, from: '' }));
}
