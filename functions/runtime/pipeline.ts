import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import middy from '@middy/core';
import type { APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import type { Route } from '../../contract/routes/route.ts';
import type { OperationId, operations } from '../../contract/routes.ts';
import { built, type OutputOf, type Schema } from '../../contract/schemas/deferred.ts';
import { type Answer, problem } from './answers.ts';
import { answerOfFault } from './faults.ts';
import { logger } from './logger.ts';
import { countMetric, publishMetrics } from './metrics.ts';
import { type ApiEvent, type Caller, callerOf, hasScope, readBody, readJson } from './requests.ts';

/** The operations that a function serves, as the contract says. */
export type OperationsOf<F extends Route['function']> = {
  [K in OperationId]: (typeof operations)[K]['function'] extends F ? K : never;
}[OperationId];

export type BodyOf<K extends OperationId> = (typeof operations)[K] extends { body: infer S extends Schema }
  ? OutputOf<S>
  : undefined;

export type QueryOf<K extends OperationId> = (typeof operations)[K] extends { query: infer S extends Schema }
  ? OutputOf<S>
  : undefined;

/** A request whose caller, scope, query and body were checked. */
export interface ApiRequest<Body, Query = undefined> {
  readonly caller: Caller;
  readonly body: Body;
  readonly query: Query;
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly event: ApiEvent;
}

export type Operations<F extends Route['function']> = {
  readonly [K in OperationsOf<F>]: (request: ApiRequest<BodyOf<K>, QueryOf<K>>) => Promise<Answer>;
};

/**
 * Operations that read their body themselves: its shape depends on the content type, or one bad element must not refuse
 * the others.
 */
const READS_OWN_BODY: ReadonlySet<string> = new Set<OperationId>(['recordUsage', 'postBatch', 'postBulk']);

/** What the contract says of a function's operations. */
export type RoutesOf<F extends Route['function']> = { readonly [K in OperationsOf<F>]: (typeof operations)[K] };

/**
 * The Lambda handler of an API function: routes to its operations, and turns answers and faults into HTTP.
 * @param contract the routes that it serves, others too: only what a function is given here must be loaded at its start.
 */
export function apiHandler<F extends Route['function']>(
  functionName: F,
  contract: RoutesOf<F>,
  implementations: Operations<F>,
) {
  const byRouteKey = new Map(
    Object.entries<Route>(contract)
      .filter(([, route]) => route.function === functionName)
      .map(([id, route]) => [
        `${route.method} ${route.path}`,
        { route: { ...route, id }, run: implementations[id as OperationsOf<F>] },
      ]),
  );
  return middy<ApiEvent, APIGatewayProxyStructuredResultV2, Error, Context>()
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .use({ after: publishMetrics, onError: publishMetrics })
    .handler(async (event, context) => {
      const found = byRouteKey.get(event.routeKey);
      const answer =
        found === undefined
          ? problem('not-found', 'There is no such route.')
          : await answerTo(event, found.route, found.run as Run);
      logger.info('Answered', { operation: found?.route.id, status: answer.status });
      return toHttp(answer, context.awsRequestId);
    });
}

type RouteOfContract = Route & { readonly id: string };
/** An operation whose body and query are those that its route says, which the pipeline sees to. */
type Run = (request: ApiRequest<unknown, unknown>) => Promise<Answer>;

async function answerTo(event: ApiEvent, route: RouteOfContract, run: Run): Promise<Answer> {
  const caller = callerOf(event);
  if (route.scope !== null && !hasScope(caller, route.scope)) {
    return problem('missing-scope', `This needs the scope "${route.scope}", which the key does not have.`);
  }
  if (caller.account !== undefined && route.boundKeys !== true) {
    return problem('missing-scope', 'A key that is bound to one account may not do this.');
  }
  try {
    const query = readQuery(event, route);
    if (!query.ok) return query.answer;
    const body = readChecked(event, route);
    if (!body.ok) return body.answer;
    return await run({ caller, query: query.value, body: body.value, params: event.pathParameters ?? {}, event });
  } catch (error) {
    return answerToFault(error, route);
  }
}

function readQuery(event: ApiEvent, route: RouteOfContract) {
  if (route.query === undefined) return { ok: true as const, value: undefined };
  return readBody(built(route.query), event.queryStringParameters ?? {});
}

function readChecked(event: ApiEvent, route: RouteOfContract) {
  if (route.body === undefined || READS_OWN_BODY.has(route.id)) return { ok: true as const, value: undefined };
  const json = readJson(event);
  return json.ok ? readBody(built(route.body), json.value) : json;
}

function answerToFault(error: unknown, route: RouteOfContract): Answer {
  if (route.function === 'api/ledger' && route.method !== 'GET') countMetric('ledger_write_errors');
  return answerOfFault(error, { operation: route.id });
}

function toHttp(answer: Answer, requestId: string): APIGatewayProxyStructuredResultV2 {
  const isProblem = answer.status >= 400;
  const body = isProblem ? { ...(answer.body as object), requestId } : answer.body;
  return {
    statusCode: answer.status,
    headers: { 'content-type': 'application/json', ...answer.headers },
    body: JSON.stringify(body),
  };
}
