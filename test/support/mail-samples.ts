/** Messages made for tests and benchmarks: text with a header as mailers write it, distinct Message-IDs, a given size. */
import { randomBytes } from 'node:crypto';

const LINE = 'The quick brown fox jumps over the lazy dog and runs through the benchmark.\r\n';

export interface SampleOptions {
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
  readonly subject?: string;
}

/** A multipart/alternative message of about `bytes` octets, CRLF, no line begins with a dot. */
export function sampleMessage({ from, to, bytes, subject }: SampleOptions): Buffer {
  const id = randomBytes(12).toString('hex');
  const boundary = `=_${id}`;
  const head = [
    `From: Sender Person <${from}>`,
    `To: Recipient <${to}>`,
    `Subject: ${subject ?? `Benchmark message ${id}`}`,
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${id}@bench.example>`,
    'MIME-Version: 1.0',
    `Content-Type: multipart/alternative; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=utf-8',
    '',
    `Hello ${id}`,
    '',
  ].join('\r\n');
  const tail = [
    ``,
    `--${boundary}`,
    'Content-Type: text/html; charset=utf-8',
    '',
    `<p>Hello ${id}</p>`,
    `--${boundary}--`,
    '',
  ].join('\r\n');
  const lines = Math.max(1, Math.round((bytes - head.length - tail.length) / LINE.length));
  return Buffer.from(head + LINE.repeat(lines) + tail, 'latin1');
}
