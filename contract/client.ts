import type * as z from 'zod';
import type { Route } from './routes/route.ts';
import { type OperationId, operations } from './routes.ts';
import { built, type InputOf, type OutputOf, type Schema } from './schemas/deferred.ts';
import { type Problem, type ProblemKind, problemKinds, problem as problemSchema } from './schemas/problems.ts';

/** A client of the public API with one method for each operation of the contract. */
export type Client = { readonly [Id in OperationId]: (...call: CallArguments<Id>) => Promise<Answer<Id>> };

/** What a call sends: body, path parameters and query where the operation has them, and what any call may add. */
export type Call<Id extends OperationId> = BodyOf<Id> & ParametersOf<Id> & QueryOf<Id> & Extras;

/** What came back: the answer that the contract promises, or a problem. Narrow by `ok`, then by `status`. */
export type Answer<Id extends OperationId> = Success<Id> | Refused;

/** A problem document, with the kind read out of its type. */
export interface Refused {
  readonly ok: false;
  readonly status: number;
  /** `unrecognised` where somebody else answered: a gateway, a proxy. */
  readonly kind: ProblemKind | 'unrecognised';
  readonly problem: Problem;
  readonly headers: Headers;
}

export interface ClientOptions {
  /** Where the API is: `https://abc.execute-api.eu-west-1.amazonaws.com`. */
  readonly baseUrl: string;
  /** An API key; only the OpenAPI document can be read without. */
  readonly key?: string | undefined;
  readonly fetch?: typeof fetch;
  /** Milliseconds until a call is given up, repetitions included. */
  readonly deadlineMs?: number;
  readonly now?: () => number;
  readonly random?: () => number;
  readonly wait?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
}

/**
 * Builds a client. Calls that may safely be repeated are, with full jitter and inside the deadline, after a network
 * fault or an answer that says "not now". A POST with an id may be; one without is sent once, unless sending it twice
 * is known to do the same.
 *
 * A call throws `ServiceUnreachableError` when no answer came in time, `UnexpectedAnswerError` when something answered
 * that does not speak the contract, and the signal's reason when the caller aborted it. Problems are answers.
 */
export function createClient(options: ClientOptions): Client {
  const settings: Settings = {
    ...options,
    baseUrl: options.baseUrl.replace(/\/+$/, ''),
    fetch: options.fetch ?? fetch,
    deadlineMs: options.deadlineMs ?? DEADLINE_MS,
    now: options.now ?? Date.now,
    random: options.random ?? Math.random,
    wait: options.wait ?? waitFor,
  };
  const ids = Object.keys(operations) as OperationId[];
  return Object.fromEntries(ids.map((id) => [id, (call?: AnyCall) => send(settings, id, call ?? {})])) as Client;
}

/** No answer came before the deadline. Whether the request arrived is not known. */
export class ServiceUnreachableError extends Error {
  override name = 'ServiceUnreachableError';
}

/** Something answered that does not speak the contract: another service, or a version too far away from this one. */
export class UnexpectedAnswerError extends Error {
  override name = 'UnexpectedAnswerError';
}

type Contract = typeof operations;

type BodyOf<Id extends OperationId> = Contract[Id] extends { readonly body: infer Body extends Schema }
  ? { readonly body: InputOf<Body> }
  : { readonly body?: undefined };

type ParameterName<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParameterName<Rest>
  : never;

type ParametersOf<Id extends OperationId> = [ParameterName<Contract[Id]['path']>] extends [never]
  ? { readonly params?: undefined }
  : { readonly params: Readonly<Record<ParameterName<Contract[Id]['path']>, string>> };

type AnyQuery = Readonly<Record<string, string | undefined>>;

type QueryOf<Id extends OperationId> = Contract[Id] extends { readonly query: infer Query extends Schema }
  ? { readonly query?: Readonly<InputOf<Query>> }
  : { readonly query?: AnyQuery };

interface Extras {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

type CallArguments<Id extends OperationId> =
  Record<never, never> extends Call<Id> ? [call?: Call<Id>] : [call: Call<Id>];

type AnswersOf<Id extends OperationId> = Contract[Id]['answers'];

type Success<Id extends OperationId> = [keyof AnswersOf<Id>] extends [never]
  ? SuccessOf<200, unknown>
  : {
      [Status in keyof AnswersOf<Id>]: AnswersOf<Id>[Status] extends infer Body extends Schema
        ? SuccessOf<Status, OutputOf<Body>>
        : never;
    }[keyof AnswersOf<Id>];

interface SuccessOf<Status, Body> {
  readonly ok: true;
  readonly status: Status;
  readonly body: Body;
  readonly headers: Headers;
}

type AnyCall = Extras & {
  readonly body?: unknown;
  readonly params?: Readonly<Record<string, string>> | undefined;
  readonly query?: AnyQuery;
};
type AnyAnswer = SuccessOf<number, unknown> | Refused;
type Settings = Required<Omit<ClientOptions, 'key'>> & Pick<ClientOptions, 'key'>;

/** Milliseconds for a call and its repetitions: what API Gateway gives an integration (AWS limit), and a little. */
const DEADLINE_MS = 35_000;
/** First wait at most 100 ms, last at most 5 s: a person waits for this. */
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;

/** Answers of gateways and of the service that say "not now". */
const NOT_NOW = new Set([429, 502, 503, 504]);

async function send(settings: Settings, id: OperationId, call: AnyCall): Promise<AnyAnswer> {
  const deadline = settings.now() + settings.deadlineMs;
  const repeatable = isRepeatable(id, call);
  for (let attempt = 0; ; attempt += 1) {
    const outcome = await attemptOnce(settings, id, call, deadline - settings.now());
    const wait = repeatable ? waitBefore(settings, outcome, attempt) : undefined;
    if (wait !== undefined && settings.now() + wait < deadline) {
      await settings.wait(wait, call.signal);
      continue;
    }
    if (outcome instanceof Error) throw outcome;
    return outcome;
  }
}

/** Milliseconds until the call is tried again; undefined when its outcome is final. */
function waitBefore(settings: Settings, outcome: AnyAnswer | Error, attempt: number): number | undefined {
  const jitter = settings.random() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
  if (outcome instanceof Error) return outcome instanceof ServiceUnreachableError ? jitter : undefined;
  // A paused ledger is somebody's decision and lasts longer than a deadline.
  if (outcome.ok || !NOT_NOW.has(outcome.status) || outcome.kind === 'ledger-paused') return undefined;
  const retryAfterSeconds = Number(outcome.headers.get('retry-after') ?? 0);
  return Number.isFinite(retryAfterSeconds) ? jitter + retryAfterSeconds * 1000 : jitter;
}

async function attemptOnce(
  settings: Settings,
  id: OperationId,
  call: AnyCall,
  timeoutMs: number,
): Promise<AnyAnswer | Error> {
  const route: Route = operations[id];
  const url = urlOf(settings.baseUrl, route, call);
  const timeout = AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs)));
  const { fetch } = settings;
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method: route.method,
      headers: headersOf(settings, call),
      signal: call.signal === undefined ? timeout : AbortSignal.any([call.signal, timeout]),
      ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
    });
    text = await response.text();
  } catch (error) {
    call.signal?.throwIfAborted();
    const why = timeout.aborted ? 'no answer came in time' : describeFault(error);
    return new ServiceUnreachableError(`The service at ${settings.baseUrl} cannot be reached: ${why}.`, {
      cause: error,
    });
  }
  return response.ok ? successOf(settings, id, route, response, text) : refusedOf(response, text);
}

/** POSTs that may be sent twice though they carry no id. A rotation may not: its answer alone tells the new key. */
const REPEATABLE_WITHOUT_ID: ReadonlySet<OperationId> = new Set<OperationId>([
  // Evidence is kept under its own content, so sent twice it is one item.
  'recordUsage',
  // What is frozen, open, closed, released or revoked already stays as it is.
  'freezeAccount',
  'unfreezeAccount',
  'closeAccount',
  'releaseHold',
  'revokeKey',
  // The same decision by the same key changes nothing.
  'approve',
  'reject',
  // A plan is applied once, and asking again follows it.
  'applyRepair',
  // A file is planned once, too.
  'planImport',
  'beginBillingRun',
  // Each element has its id.
  'postBatch',
  // Questions change nothing.
  'previewPrice',
  'rateCardEffect',
]);

/** Whether sending the call twice does what sending it once does. */
function isRepeatable(id: OperationId, call: AnyCall): boolean {
  if (operations[id].method !== 'POST') return true;
  if (REPEATABLE_WITHOUT_ID.has(id)) return true;
  if (idOf(call.body) !== undefined) return true;
  const hasKey = Object.keys(call.headers ?? {}).some((name) => name.toLowerCase() === 'idempotency-key');
  // Only the ledger's writes take their id as a header.
  return hasKey && operations[id].function === 'api/ledger';
}

function idOf(body: unknown): unknown {
  return typeof body === 'object' && body !== null && 'id' in body ? body.id : undefined;
}

/** @throws TypeError when a path parameter was not given, which the types forbid. */
function urlOf(baseUrl: string, route: Route, call: AnyCall): string {
  const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = call.params?.[name];
    if (value === undefined || value === '') throw new TypeError(`The path parameter "${name}" is missing.`);
    return encodeURIComponent(value);
  });
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(call.query ?? {})) if (value !== undefined) query.set(name, value);
  return query.size === 0 ? `${baseUrl}${path}` : `${baseUrl}${path}?${query}`;
}

function headersOf(settings: Settings, call: AnyCall): Record<string, string> {
  return {
    accept: 'application/json',
    ...(settings.key !== undefined && { authorization: `Bearer ${settings.key}` }),
    ...(call.body !== undefined && { 'content-type': 'application/json' }),
    ...call.headers,
  };
}

function successOf(
  settings: Settings,
  id: OperationId,
  route: Route,
  response: Response,
  text: string,
): AnyAnswer | Error {
  const { status, headers } = response;
  const body = parseJson(text);
  const promised = Object.keys(route.answers);
  const schema = route.answers[status];
  const unlike =
    body === undefined
      ? 'it is not JSON'
      : promised.length > 0 && schema === undefined
        ? `the contract has no status ${status} for it`
        : schema && whatDoesNotFit(built(schema), body);
  if (unlike === undefined) return { ok: true, status, body, headers };
  return new UnexpectedAnswerError(
    `What ${settings.baseUrl} answered to ${id} is not an answer of this service: ${unlike}. Check the URL and the versions.`,
  );
}

/** Says where a body departs from its schema. Fields that this version does not know yet are no departure. */
function whatDoesNotFit(schema: z.ZodType, body: unknown): string | undefined {
  const result = schema.safeParse(body);
  if (result.success) return undefined;
  const issue = result.error.issues.find((candidate) => !isAddition(candidate));
  return issue && `"${issue.path.join('.') || 'body'}": ${issue.message}`;
}

function isAddition(issue: z.core.$ZodIssue): boolean {
  if (issue.code === 'invalid_union') return issue.errors.some((branch) => branch.every(isAddition));
  return issue.code === 'unrecognized_keys';
}

const PROBLEM_TYPE = 'urn:reckoner:problem:';

function refusedOf(response: Response, text: string): Refused {
  const { status, headers } = response;
  const body = parseJson(text);
  if (body !== undefined && whatDoesNotFit(problemSchema(), body) === undefined) {
    const problem = body as Problem;
    const kind = problem.type.startsWith(PROBLEM_TYPE) ? problem.type.slice(PROBLEM_TYPE.length) : '';
    return { ok: false, status, kind: isProblemKind(kind) ? kind : 'unrecognised', problem, headers };
  }
  const title = response.statusText || `Status ${status}`;
  const problem: Problem = { type: 'about:blank', title, status, detail: messageOf(body) ?? title };
  return { ok: false, status, kind: 'unrecognised', problem, headers };
}

function isProblemKind(kind: string): kind is ProblemKind {
  return Object.hasOwn(problemKinds, kind);
}

/** API Gateway's own answers are `{"message": "..."}`. */
function messageOf(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('message' in body)) return undefined;
  return typeof body.message === 'string' ? body.message : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `fetch` says "fetch failed" and keeps the reason in the cause. */
function describeFault(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof AggregateError && cause.errors.length > 0) return describeFault(cause.errors[0]);
  return cause instanceof Error ? cause.message : error.message;
}

function waitFor(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}
