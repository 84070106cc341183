import { type Problem, type ProblemKind, problemKinds } from '../../contract/schemas/problems.ts';

/** What an operation answers; the pipeline turns it into HTTP. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface FieldError {
  readonly field: string;
  readonly rule: string;
}

export function ok(status: number, body: unknown, headers?: Readonly<Record<string, string>>): Answer {
  return headers === undefined ? { status, body } : { status, body, headers };
}

/** A replay is the original answer, marked. */
export function replayed(body: unknown): Answer {
  return ok(200, body, { 'idempotent-replayed': 'true' });
}

/** Seconds after which a caller may try again what was not available. */
const RETRY_AFTER_SECONDS = 1;

/** An RFC 9457 problem document. */
export function problem(kind: ProblemKind, detail: string, errors?: readonly FieldError[]): Answer {
  const { status, title } = problemKinds[kind];
  const body: Problem = {
    type: `urn:reckoner:problem:${kind}`,
    title,
    status,
    detail,
    ...(errors !== undefined && { errors: errors.map(({ field, rule }) => ({ field, rule })) }),
  };
  return {
    status,
    body,
    headers: {
      'content-type': 'application/problem+json',
      ...(status === 503 && { 'retry-after': String(RETRY_AFTER_SECONDS) }),
    },
  };
}

/** A request that breaks rules: every field with its rule, and all of them in one sentence. */
export function invalid(errors: readonly FieldError[]): Answer {
  return problem(
    'invalid-request',
    errors
      .map(({ field, rule }) => `"${field}" ${rule}`)
      .join('; ')
      .concat('.'),
    errors,
  );
}
