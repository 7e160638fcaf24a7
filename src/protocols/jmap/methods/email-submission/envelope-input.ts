/** The envelope of a new submission (RFC 8621 §7): addresses, and the SMTP parameters of the extensions that the session announces. */
import type { EnvelopeRecipient, EnvelopeSender, NotifyCondition } from '../../../../mail/envelope.ts';
import { asObject, asText, InvalidValue, listOf, ObjectReader, type Parser } from '../../json/object-reader.ts';
import type { Json, JsonObject } from '../../json/parse-json.ts';
import { invalidProperties } from '../../method-error.ts';

export interface EnvelopeInput {
  readonly mailFrom: EnvelopeSender;
  readonly rcptTo: readonly EnvelopeRecipient[];
  /** RFC 4865: from HOLDFOR or HOLDUNTIL; null: at once. */
  readonly holdUntil: Date | null;
}

/** RFC 4865 §4: the longest that a message is held. */
export const MAX_DELAYED_SEND_S = 30 * 86_400;

export function asEnvelope(now: Date): Parser<EnvelopeInput> {
  return (json, path) => {
    const reader = new ObjectReader(asObject(json, path), path);
    const sender = reader.required('mailFrom', asAddress);
    const recipients = reader.required('rcptTo', listOf(asAddress));
    reader.finish();
    const { holdUntil, ...parameters } = senderParameters(sender.parameters, now);
    return {
      mailFrom: { address: sender.email, ...parameters },
      rcptTo: recipients.map(({ email, parameters }) => ({ address: email, ...recipientParameters(parameters) })),
      holdUntil,
    };
  };
}

type Parameters = ReadonlyMap<string, string | null>;

const asAddress: Parser<{ readonly email: string; readonly parameters: Parameters }> = (json, path) => {
  const reader = new ObjectReader(asObject(json, path), path);
  const email = reader.required('email', asText);
  const parameters = reader.nullable('parameters', asParameters) ?? new Map<string, string | null>();
  reader.finish();
  // What reaches a socket is checked again there; a line end never gets that far.
  if (/[\x00-\x1f\x7f]/.test(email)) throw new InvalidValue(`${path}/email`, 'holds a control character');
  return { email, parameters };
};

/** RFC 5321 §4.1.2 esmtp-keyword, in any case, and its value. */
const asParameters: Parser<Parameters> = (json, path) => {
  const object: JsonObject = asObject(json, path);
  const parameters = new Map<string, string | null>();
  for (const name of Object.keys(object)) {
    const value: Json = object[name]!;
    if (!/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/.test(name) || (value !== null && typeof value !== 'string')) {
      throw new InvalidValue(`${path}/${name}`, 'is no SMTP parameter');
    }
    parameters.set(name.toUpperCase(), value);
  }
  return parameters;
};

function senderParameters(
  parameters: Parameters,
  now: Date,
): Omit<EnvelopeSender, 'address'> & { readonly holdUntil: Date | null } {
  let result: Omit<EnvelopeSender, 'address'> = {};
  let holdUntil: Date | null = null;
  for (const [name, value] of parameters) {
    if (name === 'RET' && /^(?:full|hdrs)$/i.test(value ?? '')) {
      result = { ...result, ret: value!.toLowerCase() === 'full' ? 'full' : 'headers' };
    } else if (name === 'ENVID' && value !== null && /^[\x21-\x7e]{1,100}$/.test(value)) {
      result = { ...result, envid: value };
    } else if (name === 'SMTPUTF8' && value === null) {
      result = { ...result, smtputf8: true };
    } else if (name === 'BODY' && /^(?:7bit|8bitmime)$/i.test(value ?? '')) {
      result = { ...result, body: value!.toLowerCase() as '7bit' | '8bitmime' };
    } else if (name === 'SIZE' && /^\d{1,15}$/.test(value ?? '')) {
      // The message is here: its size is known.
    } else if ((name === 'HOLDFOR' || name === 'HOLDUNTIL') && holdUntil === null && value !== null) {
      holdUntil = name === 'HOLDFOR' ? heldFor(value, now) : heldUntil(value, now);
    } else {
      throw refused(name);
    }
  }
  return { ...result, holdUntil };
}

function heldFor(value: string, now: Date): Date {
  if (!/^\d{1,9}$/.test(value) || Number(value) > MAX_DELAYED_SEND_S) throw refused('HOLDFOR');
  return new Date(now.getTime() + Number(value) * 1_000);
}

function heldUntil(value: string, now: Date): Date {
  const time = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/.test(value)
    ? Date.parse(value)
    : Number.NaN;
  if (Number.isNaN(time) || time > now.getTime() + MAX_DELAYED_SEND_S * 1_000) throw refused('HOLDUNTIL');
  return new Date(Math.max(time, now.getTime()));
}

function recipientParameters(parameters: Parameters): Omit<EnvelopeRecipient, 'address'> {
  let result: Omit<EnvelopeRecipient, 'address'> = {};
  for (const [name, value] of parameters) {
    if (name === 'NOTIFY' && value !== null) result = { ...result, notify: notifyOf(value) };
    else if (name === 'ORCPT' && /^[A-Za-z0-9-]{1,32};[\x21-\x7e]{1,500}$/.test(value ?? '')) {
      result = { ...result, orcpt: value! };
    } else throw refused(name);
  }
  return result;
}

/** RFC 3461 §4.1: NEVER stands alone. */
function notifyOf(value: string): readonly NotifyCondition[] {
  const conditions = value.toLowerCase().split(',');
  const isNever = conditions.length === 1 && conditions[0] === 'never';
  const isKnown = conditions.every((condition) => ['success', 'failure', 'delay'].includes(condition));
  if (!isNever && !isKnown) throw refused('NOTIFY');
  return [...new Set(conditions)] as NotifyCondition[];
}

function refused(name: string): Error {
  return invalidProperties(['envelope'], `The parameter ${name} is not known here, or its value is not.`);
}
