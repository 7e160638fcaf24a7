/**
 * TLS over a connected socket, as the server. Used by STARTTLS and by listeners that speak TLS from the first octet (RFC 8314 §3).
 */
import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';

/** Resolves after the handshake. @throws the handshake's error, or one that names the limit; the socket is destroyed then. */
export function upgradeToTls(
  socket: Socket,
  secureContext: SecureContext,
  handshakeLimitMs: number,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secure = new TLSSocket(socket, { isServer: true, secureContext });
    const timer = setTimeout(
      () => onError(new Error(`no TLS handshake within ${handshakeLimitMs} ms`)),
      handshakeLimitMs,
    );
    timer.unref();
    const onError = (cause: Error): void => {
      settle();
      // Errors that follow the first have nobody left to tell.
      secure.on('error', () => undefined);
      secure.destroy();
      socket.destroy();
      reject(cause);
    };
    const onClose = (): void => onError(new Error('closed during the TLS handshake'));
    const onSecure = (): void => {
      settle();
      resolve(secure);
    };
    const settle = (): void => {
      clearTimeout(timer);
      secure.off('error', onError);
      secure.off('_tlsError', onError);
      secure.off('close', onClose);
      secure.off('secure', onSecure);
    };
    secure.on('error', onError);
    secure.on('_tlsError', onError);
    secure.on('close', onClose);
    secure.on('secure', onSecure);
  });
}
