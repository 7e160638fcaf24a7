/** One answer for a number that names nothing, was deleted in this session, or whose message is gone (RFC 1939 §5). */
import { err, type Reply } from '../replies.ts';

export const noSuchMessage = (): Reply => err('No such message');
export const messageGone = (): Reply => err('The message was removed by another client');
