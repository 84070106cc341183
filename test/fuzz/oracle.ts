import { type Json, openApiDocument } from '../../contract/openapi.ts';
import { routes } from '../../contract/routes.ts';
import { built } from '../../contract/schemas/deferred.ts';
import { type Problem, type ProblemKind, problem, problemKinds } from '../../contract/schemas/problems.ts';
import { GATEWAY_RESPONSES } from '../../local/http-api/response.ts';
import { createRouteFinder } from '../../local/http-api/routes.ts';
import type { Sent } from './requests.ts';
import type { Received } from './send.ts';

export type KnownRoute = (typeof routes)[number];

const findRoute = createRouteFinder(new Map(routes.map((route) => [`${route.method} ${route.path}`, route])));
const document = openApiDocument();

/** The route of the contract that a request is for; undefined where it is for none. */
export function routeOf({ method, path }: Sent): KnownRoute | undefined {
  return findRoute(method, path.split('?', 1)[0] ?? '')?.route;
}

/** What is wrong with an answer, whatever was asked. */
export function faultsOf(sent: Sent, received: Received): string[] {
  const route = routeOf(sent);
  const { status, text } = received;
  if (status === 0) return [text];
  if (sent.method === 'HEAD') return status === 404 ? [] : [`answers HEAD with ${status}`];
  const leaks = leaksOf(sent, received);
  if (status >= 200 && status < 300)
    return [...leaks, ...(route === undefined ? ['answers what is no route'] : unlike(route, received))];
  if (status < 400) return [...leaks, `answers with ${status}`];
  if (isFromGateway(route, received)) return leaks;
  if (route === undefined) return [...leaks, `answers what is no route with ${status}`];
  const body = parsed(text);
  const read = problem().safeParse(body);
  if (!read.success) return [...leaks, `is no problem document: ${read.error.issues[0]?.message}`];
  return [...leaks, ...problemFaults(route, received, read.data)];
}

/** The kind of problem that an answer tells of. */
export function kindOf({ text }: Received): ProblemKind | undefined {
  const read = problem().safeParse(parsed(text));
  const kind = read.success ? read.data.type.replace('urn:reckoner:problem:', '') : '';
  return Object.hasOwn(problemKinds, kind) ? (kind as ProblemKind) : undefined;
}

function problemFaults(route: KnownRoute, received: Received, told: Problem): string[] {
  const { status, headers } = received;
  const kind = kindOf(received);
  if (kind === undefined) return [`has a type that is none of the contract: ${told.type}`];
  const faults: string[] = [];
  if (headers['content-type'] !== 'application/problem+json') faults.push(`has the type ${headers['content-type']}`);
  if (told.status !== status || problemKinds[kind].status !== status) faults.push(`has ${kind} with ${status}`);
  if (told.requestId === undefined || told.requestId === '') faults.push('names no request');
  if (status >= 500 && status !== 503) faults.push(`fails with ${status}`);
  if (status === 503 && headers['retry-after'] === undefined) faults.push('says 503 and not when to come again');
  if (!isDocumented(route, status, kind)) faults.push(`has ${kind}, which the document does not speak of`);
  return faults;
}

function isDocumented({ path, method }: KnownRoute, status: number, kind: ProblemKind): boolean {
  const operation = (document.paths as Record<string, Json>)[path]?.[method.toLowerCase()] as Json;
  const answer = (operation.responses as Record<string, Json>)[status];
  return String(answer?.description ?? '').includes(`\`${kind}\``);
}

function unlike({ answers, id }: KnownRoute, { status, text, headers }: Received): string[] {
  if (Object.keys(answers).length === 0) return [];
  const schema = (answers as Readonly<Record<number, (typeof answers)[keyof typeof answers]>>)[status];
  if (schema === undefined) return [`has no ${status} in the contract`];
  const read = built(schema).safeParse(parsed(text));
  const faults = read.success
    ? []
    : [`is not what the contract says: ${read.error.issues[0]?.path.join('.')}: ${read.error.issues[0]?.message}`];
  if (headers['content-type'] !== 'application/json') faults.push(`has the type ${headers['content-type']}`);
  if (headers['idempotent-replayed'] !== undefined && status !== 200) faults.push(`${id} replays with ${status}`);
  return faults;
}

/**
 * API Gateway's own answers are not the service's and cannot be made to look like them: to whoever has no good key, to
 * what is no route, and to what cannot be decoded.
 */
function isFromGateway(route: KnownRoute | undefined, { status, text, headers }: Received): boolean {
  if (headers['content-type'] !== 'application/json') return false;
  if (status === 404 && route !== undefined) return false;
  return Object.values(GATEWAY_RESPONSES).some((own) => own.status === status && own.body === text && status < 500);
}

/** What says how the service is made, and is nobody's business. */
const LEAKS: Readonly<Record<string, RegExp>> = {
  'a stack trace': /\bat (async )?(\S+ \()?(file:\/|\/|node:)\S+:\d+:\d+/,
  'a path of a file': /(file:\/\/|\/var\/task|node_modules|\/tmp\/|\w\.(ts|mjs|js):\d+)/,
  'a name of AWS': /arn:aws|amazonaws|dynamo/i,
  'a name of an error': /\b[A-Z]\w+(Error|Exception)\b/,
  'an empty value': /\bundefined\b|\bNaN\b|\[object /,
};

function leaksOf(sent: Sent, { text, status }: Received): string[] {
  const said = `${decodeURIComponentSafely(sent.path)} ${sent.body?.text ?? ''} ${JSON.stringify(sent.headers)}`;
  // What was asked for may say more: links to objects, the backup of a repair, why a run failed.
  if (status < 400) return /\n\s+at |node_modules/.test(text) ? ['has a stack trace'] : [];
  return Object.entries(LEAKS).flatMap(([what, pattern]) => {
    const found = pattern.exec(text)?.[0];
    return found === undefined || said.includes(found) ? [] : [`has ${what}: ${found}`];
  });
}

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
