/** `bodyValues` (RFC 8621 §4.1.4): decoded text of the parts asked for, cut where the client said. What one answer holds of it is bounded. */
import { PartTextReader } from '../../../mail/format/part-text.ts';
import { MAX_BODY_VALUE_OCTETS } from '../limits.ts';
import { MethodError } from '../method-error.ts';
import type { NumberedPart } from './body-part.ts';
import type { MessageOctets } from './message-octets.ts';

/** Over one method call. */
export class BodyValueBudget {
  left = MAX_BODY_VALUE_OCTETS;
}

export async function bodyValues(
  parts: Iterable<NumberedPart>,
  octets: MessageOctets,
  maxBodyValueBytes: number,
  budget: BodyValueBudget,
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
    if (isTruncated && isOursToCut) {
      throw new MethodError('requestTooLarge', `At most ${MAX_BODY_VALUE_OCTETS} octets of body values in one call.`);
    }
    budget.left -= Buffer.byteLength(text);
    values[partId] = { value: text, isEncodingProblem, isTruncated };
  }
  return values;
}
