/** A certificate of its own for each test file: self-signed, for localhost. */
import { generate } from 'selfsigned';

export async function certificate(): Promise<{ readonly cert: string; readonly key: string }> {
  const pems = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec', curve: 'P-256' });
  return { cert: pems.cert, key: pems.private };
}
