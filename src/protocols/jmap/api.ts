/** `POST /jmap/api` (RFC 8620 §3): one request object in, one response object out. */
import type { Context } from 'koa';
import type { AccountInfo } from '../../storage/mail-store.ts';
import { CAPABILITIES } from './capabilities.ts';
import { dispatch } from './dispatch.ts';
import { objectOf } from './json/parse-json.ts';
import { type JmapParts, RequestContext } from './method-call.ts';
import { RequestError } from './problem.ts';
import { readBody } from './read-body.ts';
import { parseRequest } from './request.ts';
import { sessionObject, sessionStateOf } from './session.ts';

export async function answerApi(ctx: Context, account: AccountInfo, base: string, parts: JmapParts): Promise<void> {
  const type = ctx.get('Content-Type').split(';', 1)[0]!.trim().toLowerCase();
  if (type !== 'application/json') throw new RequestError('notJSON', 'The content type is not application/json.');
  const octets = await readBody(ctx.req, parts.limits.maxSizeRequest);
  const request = parseRequest(octets, CAPABILITIES, parts.limits.maxCallsInRequest);
  const context = new RequestContext(parts, account, ctx.ip, new Map(request.createdIds ?? []));
  const answers = await dispatch(request, context);
  ctx.set('Cache-Control', 'no-store');
  ctx.type = 'application/json; charset=utf-8';
  ctx.body = JSON.stringify({
    methodResponses: answers.map(({ name, args, callId }) => [name, args, callId]),
    ...(request.createdIds === null ? {} : { createdIds: objectOf(context.createdIds) }),
    sessionState: sessionStateOf(sessionObject(account, base, parts.limits)),
  });
}
