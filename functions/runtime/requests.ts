import type { APIGatewayProxyEventV2WithLambdaAuthorizer } from 'aws-lambda';
import type { ZodError, ZodType } from 'zod';
import { BODY_BYTES_MAX } from '../../contract/limits.ts';
import type { Scope } from '../../contract/scopes.ts';
import { type Answer, type FieldError, invalid, problem } from './answers.ts';
import { ForbiddenKeyError, parseUnbent, TOO_DEEP_RULE, TooDeepError } from './json.ts';

/** What the authorizer found out about the caller; all text, as API Gateway carries it. */
export type AuthorizerContext = { readonly keyId: string; readonly scopes: string; readonly account: string };
export type ApiEvent = APIGatewayProxyEventV2WithLambdaAuthorizer<Partial<AuthorizerContext>>;

/** Who calls. */
export interface Caller {
  readonly keyId: string;
  readonly scopes: readonly string[];
  /** The account that this key may see, with all below it; undefined when it may see everything. */
  readonly account?: string;
}

export function callerOf(event: ApiEvent): Caller {
  const context = event.requestContext.authorizer?.lambda ?? {};
  const account = context.account;
  return {
    keyId: context.keyId ?? '',
    scopes: (context.scopes ?? '').split(' '),
    ...(account !== undefined && account !== '' && { account }),
  };
}

export function hasScope(caller: Caller, scope: Scope): boolean {
  return caller.scopes.includes(scope);
}

/** What an account-bound key may not see does not exist for it. */
export function maySee(caller: Caller, account: string): boolean {
  if (caller.account === undefined || caller.account === account) return true;
  // Segment by segment: customer:acmecorp is not below customer:acme.
  return account.startsWith(`${caller.account}:`);
}

export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly answer: Answer };

const JSON_TYPES = /^application\/(json|[a-z0-9.+-]+\+json)\s*(;|$)/i;

/** Reads a JSON body within its limits. */
export function readJson(event: ApiEvent): Read<unknown> {
  const type = event.headers['content-type'];
  if (type !== undefined && !JSON_TYPES.test(type)) {
    const detail = `The content type is "${printable(type)}"; send application/json or a CloudEvents JSON type.`;
    return { ok: false, answer: problem('unsupported-media-type', detail) };
  }
  const body = event.body ?? '';
  const bytes = event.isBase64Encoded ? Buffer.from(body, 'base64') : Buffer.from(body);
  if (bytes.length > BODY_BYTES_MAX) {
    const detail = `The body has ${bytes.length} bytes; at most ${BODY_BYTES_MAX} are read. Send smaller batches.`;
    return { ok: false, answer: problem('body-too-large', detail) };
  }
  const text = decodeUtf8(bytes);
  if (text === undefined) return { ok: false, answer: invalid([{ field: 'body', rule: 'must be UTF-8' }]) };
  if (text.trim() === '') {
    return { ok: false, answer: invalid([{ field: 'body', rule: 'is missing: send a JSON document' }]) };
  }
  return parseJson(text);
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function parseJson(text: string): Read<unknown> {
  try {
    return { ok: true, value: parseUnbent(text) };
  } catch (error) {
    const rule = 'is not a known field; leave it out';
    if (error instanceof ForbiddenKeyError) return { ok: false, answer: invalid([{ field: '__proto__', rule }]) };
    if (error instanceof TooDeepError) return { ok: false, answer: invalid([{ field: 'body', rule: TOO_DEEP_RULE }]) };
    return { ok: false, answer: invalid([{ field: 'body', rule: 'must be valid JSON' }]) };
  }
}

/** Checks a value against a schema and names every field that breaks a rule. */
export function readBody<T>(schema: ZodType<T>, value: unknown): Read<T> {
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, value: result.data };
  return { ok: false, answer: invalid(fieldErrors(result.error)) };
}

/** Errors beyond these are cut: a body of garbage must not make a longer answer. */
const FIELD_ERRORS_MAX = 20;

export function fieldErrors(error: ZodError): FieldError[] {
  const errors = error.issues.flatMap((issue): FieldError[] => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        field: fieldName([...issue.path, key]),
        rule: 'is not a known field; leave it out',
      }));
    }
    if (issue.code === 'invalid_key')
      return [{ field: fieldName(issue.path), rule: issue.issues[0]?.message ?? issue.message }];
    return [{ field: fieldName(issue.path), rule: lowerFirst(issue.message) }];
  });
  return errors.slice(0, FIELD_ERRORS_MAX);
}

function fieldName(path: readonly PropertyKey[]): string {
  return path.length === 0 ? 'body' : printable(path.map(String).join('.'));
}

function lowerFirst(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}

/** Text of a caller's making, cut short and without control characters, fit for an answer or a log. */
export function printable(value: string): string {
  return value.replace(/\p{Cc}/gu, '?').slice(0, 128);
}

/**
 * The idempotency key: the header (a structured-field string, draft-ietf-httpapi-idempotency-key-header) or the body's
 * id. Both may be sent when they agree.
 */
export function idempotencyKey(event: ApiEvent, bodyId: string | undefined, idSchema: ZodType<string>): Read<string> {
  const header = event.headers['idempotency-key'];
  if (header === undefined) {
    if (bodyId !== undefined) return { ok: true, value: bodyId };
    const rule = 'is missing: send it in the body, or as the header Idempotency-Key';
    return { ok: false, answer: invalid([{ field: 'id', rule }]) };
  }
  // A header that was sent twice arrives joined by a comma, and would pass for a new key.
  const parsed = idSchema.safeParse(header.includes(',') ? '' : header.replace(/^"(.*)"$/, '$1'));
  if (!parsed.success) {
    return {
      ok: false,
      answer: invalid([{ field: 'Idempotency-Key', rule: parsed.error.issues[0]?.message ?? 'is not valid' }]),
    };
  }
  if (bodyId !== undefined && bodyId !== parsed.data) {
    return {
      ok: false,
      answer: invalid([{ field: 'Idempotency-Key', rule: 'must equal the id in the body, or stand alone' }]),
    };
  }
  return { ok: true, value: parsed.data };
}
