/**
 * The TLS certificate: given files, or a self-signed one made on the first run and kept in DATA/tls (key with mode 0600).
 * TLS 1.2 is the floor (RFC 8996, RFC 9325 §3.1.1).
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import type { Config } from './config.ts';
import { ConfigError } from './config.ts';

export interface Certificate {
  /** PEM chain. */
  readonly cert: string;
  /** PEM private key. */
  readonly key: string;
  readonly minVersion: 'TLSv1.2';
  readonly origin: 'given' | 'self-signed';
}

/** The floor of every TLS listener. */
export const MIN_TLS_VERSION = 'TLSv1.2';
const SELF_SIGNED_DAYS = 825;

/** @throws ConfigError when a given file can't be read or only one of the two is given. */
export async function loadCertificate(config: Config): Promise<Certificate> {
  const { certFile, keyFile } = config.tls;
  if ((certFile === null) !== (keyFile === null))
    throw new ConfigError('tls.certFile and tls.keyFile go together: give both or none.');
  if (certFile !== null && keyFile !== null) {
    return {
      cert: readPem('tls.certFile', certFile),
      key: readPem('tls.keyFile', keyFile),
      minVersion: MIN_TLS_VERSION,
      origin: 'given',
    };
  }
  return selfSigned(join(config.data, 'tls'), config.server.hostname);
}

function readPem(setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(`${setting}: ${file} can't be read (${(cause as NodeJS.ErrnoException).code}).`, { cause });
  }
}

async function selfSigned(folder: string, host: string): Promise<Certificate> {
  const certFile = join(folder, 'self-signed.crt');
  const keyFile = join(folder, 'self-signed.key');
  try {
    return {
      cert: readFileSync(certFile, 'utf8'),
      key: readFileSync(keyFile, 'utf8'),
      minVersion: MIN_TLS_VERSION,
      origin: 'self-signed',
    };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
  }
  const notAfterDate = new Date(Date.now() + SELF_SIGNED_DAYS * 86_400_000);
  const names = [...new Set([host, 'localhost'])].map((value) => ({ type: 2 as const, value }));
  const pems = await generate([{ name: 'commonName', value: host }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notAfterDate,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [...names, { type: 7 as const, ip: '127.0.0.1' }, { type: 7 as const, ip: '::1' }],
      },
    ],
  });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(keyFile, pems.private, { mode: 0o600 });
  writeFileSync(certFile, pems.cert);
  return { cert: pems.cert, key: pems.private, minVersion: MIN_TLS_VERSION, origin: 'self-signed' };
}
