/** The request object (RFC 8620 §3.3): capabilities, calls, creation ids. Fails with RequestError. */
import { isObject, type Json, type JsonObject, NotJson, parseJson } from './json/parse-json.ts';
import { RequestError } from './problem.ts';

export interface Invocation {
  readonly name: string;
  readonly args: JsonObject;
  readonly callId: string;
}
export interface JmapRequest {
  readonly using: ReadonlySet<string>;
  readonly calls: readonly Invocation[];
  /** Null when the request had none: then the response has none either. */
  readonly createdIds: Map<string, string> | null;
}

export function parseRequest(
  octets: Buffer,
  capabilities: ReadonlySet<string>,
  maxCallsInRequest: number,
): JmapRequest {
  let value: Json;
  try {
    value = parseJson(octets);
  } catch (error) {
    if (error instanceof NotJson) throw new RequestError('notJSON', error.message);
    throw error;
  }
  if (!isObject(value)) throw new RequestError('notRequest', 'The body is not a request object.');
  const using = value['using'];
  if (!isTextList(using)) throw new RequestError('notRequest', '"using" is not a list of strings.');
  const methodCalls = value['methodCalls'];
  if (!Array.isArray(methodCalls)) throw new RequestError('notRequest', '"methodCalls" is not a list.');
  const calls = methodCalls.map(parseInvocation);
  const createdIds = parseCreatedIds(value['createdIds']);
  for (const capability of using) {
    if (!capabilities.has(capability)) {
      throw new RequestError('unknownCapability', `The capability ${JSON.stringify(capability)} is not known here.`);
    }
  }
  if (calls.length > maxCallsInRequest) {
    throw new RequestError('limit', `At most ${maxCallsInRequest} calls in one request.`, {
      limit: 'maxCallsInRequest',
    });
  }
  return { using: new Set(using), calls, createdIds };
}

function isTextList(value: Json | undefined): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** RFC 8620 §3.2: a tuple of name, arguments and call id. */
function parseInvocation(value: Json): Invocation {
  if (Array.isArray(value) && value.length === 3) {
    const [name, args, callId] = value as readonly Json[];
    if (typeof name === 'string' && isObject(args) && typeof callId === 'string') return { name, args, callId };
  }
  throw new RequestError('notRequest', 'A method call is not a list of name, arguments and call id.');
}

function parseCreatedIds(value: Json | undefined): Map<string, string> | null {
  if (value === undefined || value === null) return null;
  if (!isObject(value)) throw new RequestError('notRequest', '"createdIds" is not an object.');
  const ids = new Map<string, string>();
  for (const key of Object.keys(value)) {
    const id = value[key];
    if (typeof id !== 'string') throw new RequestError('notRequest', '"createdIds" holds something else than ids.');
    ids.set(key, id);
  }
  return ids;
}
