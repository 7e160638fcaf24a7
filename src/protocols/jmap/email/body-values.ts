/** `bodyValues` (RFC 8621 §4.1.4): decoded text of the parts asked for, cut where the client said. What one answer holds of it is bounded. */
import { PartTextReader } from '../../../mail/format/part-text.ts';
import { type AnswerBudget, answerTooLarge } from '../answer-budget.ts';
import type { NumberedPart } from './body-part.ts';
import type { MessageOctets } from './message-octets.ts';

export async function bodyValues(
  parts: Iterable<NumberedPart>,
  octets: MessageOctets,
  maxBodyValueBytes: number,
  budget: AnswerBudget,
): Promise<Record<string, object>> {
  const values: Record<string, object> = {};
  for (const { node, partId } of parts) {
    if (partId === null || node.type !== 'text' || Object.hasOwn(values, partId)) continue;
    const isOursToCut = maxBodyValueBytes === 0 || maxBodyValueBytes > budget.left;
    const reader = new PartTextReader(node, isOursToCut ? Math.max(budget.left, 1) : maxBodyValueBytes);
    for await (const chunk of octets.stream(node.bodyStart, node.end)) {
      reader.write(chunk);
      if (reader.isFull) break;
    }
    const { text, isEncodingProblem, isTruncated } = reader.end();
    if (isTruncated && isOursToCut) throw answerTooLarge();
    budget.spend(Buffer.byteLength(text));
    values[partId] = { value: text, isEncodingProblem, isTruncated };
  }
  return values;
}
