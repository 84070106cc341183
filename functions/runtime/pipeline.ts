import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import middy from '@middy/core';
import type { APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import type * as z from 'zod';
import type { Route } from '../../contract/routes/route.ts';
import { type OperationId, type operations, routes } from '../../contract/routes.ts';
import { StoreUnavailableError } from '../../store/retry.ts';
import { type Answer, problem } from './answers.ts';
import { logger } from './logger.ts';
import { countMetric, publishMetrics } from './metrics.ts';
import { type ApiEvent, type Caller, callerOf, hasScope, readBody, readJson } from './requests.ts';

/** The operations that a function serves, as the contract says. */
export type OperationsOf<F extends Route['function']> = {
  [K in OperationId]: (typeof operations)[K]['function'] extends F ? K : never;
}[OperationId];

export type BodyOf<K extends OperationId> = (typeof operations)[K] extends { body: infer S extends z.ZodType }
  ? z.output<S>
  : undefined;

export type QueryOf<K extends OperationId> = (typeof operations)[K] extends { query: infer S extends z.ZodType }
  ? z.output<S>
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

/** Operations that read their body themselves, because its shape depends on the content type. */
const READS_OWN_BODY = new Set<OperationId>(['recordUsage']);

/** The Lambda handler of an API function: routes to its operations, and turns answers and faults into HTTP. */
export function apiHandler<F extends Route['function']>(functionName: F, implementations: Operations<F>) {
  const byRouteKey = new Map(
    routes
      .filter((route) => route.function === functionName)
      .map((route) => [`${route.method} ${route.path}`, { route, run: implementations[route.id as OperationsOf<F>] }]),
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

type RouteOfContract = (typeof routes)[number];
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
  return readBody(route.query, event.queryStringParameters ?? {});
}

function readChecked(event: ApiEvent, route: RouteOfContract) {
  if (route.body === undefined || READS_OWN_BODY.has(route.id)) return { ok: true as const, value: undefined };
  const json = readJson(event);
  return json.ok ? readBody(route.body, json.value) : json;
}

/** Infrastructure faults: the caller learns whether to come again and nothing of what stands behind. */
function answerToFault(error: unknown, route: RouteOfContract): Answer {
  if (route.function === 'api/ledger' && route.method !== 'GET') countMetric('ledger_write_errors');
  if (error instanceof StoreUnavailableError) {
    logger.error('The store could not be reached in time', { operation: route.id, error });
    return problem('unavailable', 'Nothing is known to have been done. Send the same request again, with the same id.');
  }
  logger.error('An operation failed', { operation: route.id, error: error instanceof Error ? error : String(error) });
  return problem('internal-error', 'The request may be sent again with the same id; it cannot be done twice.');
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
