/**
 * How many octets a part has once its transfer encoding is undone (RFC 8621 §4.1.4 `size`). A large base64 body is not read for it: every encoder writes lines of
 * one length, so the first lines and the last octets tell. Where the lines don't add up the whole is read.
 */
import type { PartNode } from '../../../mail/format/structure.ts';
import { createTransferDecoder } from '../../../mail/format/transfer-decode.ts';
import type { MessageOctets } from './message-octets.ts';

const SAMPLED_FROM_OCTETS = 128 * 1024;
const SAMPLE_OCTETS = 4_096;

export async function decodedSize(node: PartNode, octets: MessageOctets): Promise<number> {
  const size = node.end - node.bodyStart;
  if (node.encoding !== 'base64' && node.encoding !== 'quoted-printable') return size;
  if (node.encoding === 'base64' && size >= SAMPLED_FROM_OCTETS) {
    const sampled = await sampledBase64Size(node, octets);
    if (sampled !== null) return sampled;
  }
  const decoder = createTransferDecoder(node.encoding);
  let decoded = 0;
  for await (const chunk of octets.stream(node.bodyStart, node.end)) decoded += decoder.write(chunk).length;
  return decoded + decoder.end().length;
}

async function sampledBase64Size(node: PartNode, octets: MessageOctets): Promise<number | null> {
  const head = (await octets.read(node.bodyStart, node.bodyStart + SAMPLE_OCTETS)).toString('latin1');
  const line = /^[A-Za-z0-9+/]+(?=(\r?\n))/.exec(head);
  if (line === null) return null;
  const end = line[1]!;
  const lineLength = line[0].length;
  const stride = lineLength + end.length;
  const tail = (await octets.read(node.end - SAMPLE_OCTETS, node.end)).toString('latin1');
  const body = tail.replace(/[\r\n]+$/, '');
  const last = body.slice(body.lastIndexOf('\n') + 1);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(last) || last.length > lineLength) return null;
  const contentLength = node.end - node.bodyStart - (tail.length - body.length);
  const fullLines = (contentLength - last.length) / stride;
  if (!Number.isInteger(fullLines) || lineLength % 4 !== 0 || last.length % 4 !== 0) return null;
  if (!isRegular(head, lineLength, end)) return null;
  const padding = last.endsWith('==') ? 2 : last.endsWith('=') ? 1 : 0;
  return ((fullLines * lineLength + last.length) / 4) * 3 - padding;
}

function isRegular(head: string, lineLength: number, end: string): boolean {
  const lines = head.split(end).slice(0, -1);
  return lines.every((line) => line.length === lineLength && /^[A-Za-z0-9+/]+$/.test(line));
}
