/**
 * Runs the calls of a request in order (RFC 8620 §3.3). One call's failure is that call's answer; the others go on. A defect of ours is logged under an
 * id and shown as serverFail with that id alone. When the store defers before anything was done, the whole request is deferred.
 */
import { randomBytes } from 'node:crypto';
import { Deferral, Refusal } from '../../mail/refusal.ts';
import { InvalidValue, ObjectReader } from './json/object-reader.ts';
import type { Json, JsonObject } from './json/parse-json.ts';
import type { RequestContext } from './method-call.ts';
import { MethodError } from './method-error.ts';
import { findMethod } from './registry.ts';
import type { JmapRequest } from './request.ts';
import { type Answer, ReferenceBudget, resolveReferences } from './result-references.ts';

export async function dispatch(request: JmapRequest, context: RequestContext): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  const budget = new ReferenceBudget();
  for (const { name, args, callId } of request.calls) {
    const queue: { name: string; args: JsonObject; isImplicit: boolean }[] = [{ name, args, isImplicit: false }];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      try {
        const method = findMethod(next.name, next.isImplicit ? null : request.using);
        if (method === null) throw new MethodError('unknownMethod', 'There is no such method.');
        const resolved = next.isImplicit ? next.args : resolveReferences(next.args, answers, budget);
        const result = await method({
          name: next.name,
          args: new ObjectReader(resolved),
          request: context,
          alsoCall: (also, alsoArgs) => queue.push({ name: also, args: alsoArgs as JsonObject, isImplicit: true }),
        });
        answers.push({ name: next.name, args: result, callId });
      } catch (error) {
        if (error instanceof Deferral && answers.length === 0) throw error;
        answers.push({ name: 'error', args: answerOfError(error, next.name, context), callId });
      }
    }
  }
  return answers;
}

function answerOfError(error: unknown, method: string, context: RequestContext): Record<string, Json | unknown> {
  if (error instanceof MethodError) return { type: error.type, description: error.message, ...error.extra };
  if (error instanceof InvalidValue) {
    return { type: 'invalidArguments', description: error.message, arguments: [error.path] };
  }
  if (error instanceof Deferral) {
    context.parts.log.warn({ err: error, method }, 'a JMAP method was deferred');
    return { type: 'serverUnavailable', description: error.message };
  }
  if (error instanceof Refusal) {
    switch (error.code) {
      case 'cannotCalculateChanges':
      case 'stateMismatch':
      case 'forbidden':
        return { type: error.code, description: error.message };
      case 'invalid':
        return { type: 'invalidArguments', description: error.message, arguments: error.details };
      case 'tooMany':
      case 'tooLarge':
        return { type: 'requestTooLarge', description: error.message };
    }
  }
  const id = randomBytes(6).toString('hex');
  context.parts.log.error({ err: error, errorId: id, method, account: context.principal.id }, 'a JMAP method failed');
  return { type: 'serverFail', description: `Something went wrong here. It was logged as ${id}.` };
}
