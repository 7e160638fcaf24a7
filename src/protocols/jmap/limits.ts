/** The limits of RFC 8620 §2 that the session announces and this room keeps, and a few that need no announcement. */
import { MAX_MESSAGE_BYTES } from '../../mail/envelope.ts';

export interface JmapLimits {
  readonly maxSizeUpload: number;
  readonly maxConcurrentUpload: number;
  readonly maxSizeRequest: number;
  readonly maxConcurrentRequests: number;
  readonly maxCallsInRequest: number;
  readonly maxObjectsInGet: number;
  readonly maxObjectsInSet: number;
  /** Event streams of one account in this process. */
  readonly maxEventStreams: number;
}

/** Web clients send 15 to 30 counting queries in one request. */
export const DEFAULT_LIMITS: JmapLimits = {
  maxSizeUpload: MAX_MESSAGE_BYTES,
  maxConcurrentUpload: 8,
  maxSizeRequest: 10 * 1024 * 1024,
  maxConcurrentRequests: 16,
  maxCallsInRequest: 64,
  maxObjectsInGet: 1_000,
  maxObjectsInSet: 1_000,
  maxEventStreams: 64,
};

/** Ids of one answer to /query and /changes. */
export const MAX_IDS_IN_ANSWER = 10_000;
/** Operators and conditions of one filter. */
export const MAX_FILTER_NODES = 500;
/** Octets of message text and headers in the answer to one request. */
export const MAX_ANSWER_OCTETS = 32 * 1024 * 1024;
/** Octets that result references may bring into one request, however they refer to each other. */
export const MAX_REFERENCED_OCTETS = 16 * 1024 * 1024;
/** Names in `properties` or `bodyProperties`. */
export const MAX_PROPERTIES = 200;
/** From the first octet of a request object to its last. */
export const REQUEST_BODY_DEADLINE_MS = 60_000;
