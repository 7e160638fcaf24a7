/** Core/echo (RFC 8620 §4.1): what came goes back. */
import type { Method } from '../../method-call.ts';

export const coreEcho: Method = async ({ args }) =>
  Object.fromEntries(args.names().map((name) => [name, args.raw(name)]));
