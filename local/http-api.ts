import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { LocalAccessControl } from './access.ts';
import { type Authorize, createAuthorizer } from './http-api/authorizer.ts';
import { readApi } from './http-api/definition.ts';
import { buildEvent, encodeBody, type RequestEvent } from './http-api/event.ts';
import { GATEWAY_RESPONSES, type HttpResponse, readFunctionResponse } from './http-api/response.ts';
import { createRouteFinder } from './http-api/routes.ts';
import { readWhole } from './message-body.ts';
import type { MetricStore } from './metrics.ts';
import { listen } from './ports.ts';
import type { InvokeFunction, Place, Resource } from './resources.ts';

/** An open port, waiting for its API: URLs must be known before the template that uses them can be resolved. */
export interface ApiServer {
  readonly url: string;
  serve(api: HttpApi): void;
  stop(): Promise<void>;
}

/** Answers one request. */
export type HttpApi = (request: IncomingMessage, response: ServerResponse) => void;

export interface HttpApiOptions {
  readonly api: Resource;
  readonly resources: readonly Resource[];
  readonly place: Place;
  readonly access: Pick<LocalAccessControl, 'assertServiceAllowed'>;
  readonly invoke: InvokeFunction;
  readonly metrics: MetricStore;
  readonly log: (line: string) => void;
  readonly now: () => Date;
  readonly newId: () => string;
}

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html */
const BODY_BYTES_MAX = 10 * 1024 * 1024;
/** How long an HTTP API waits for an authorizer. */
const AUTHORIZER_TIMEOUT_MS = 10_000;
/** Longer than clients keep idle connections, so that it is never the server who closes one that is about to be used. */
const KEEP_ALIVE_MS = 65_000;

/** @throws PortInUse */
export async function openApiServer({ host, port }: { host: string; port: number }): Promise<ApiServer> {
  let serve: HttpApi = (_, response) => respond(response, GATEWAY_RESPONSES.serviceUnavailable, '');
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true }, (request, response) =>
    serve(request, response),
  );
  const listeningPort = await listen(server, host, port);
  return {
    url: `http://${host}:${listeningPort}`,
    serve: (api) => {
      serve = api;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Route {
  readonly routeKey: string;
  readonly functionArn: string;
  readonly timeoutMs: number;
  readonly authorize: Authorize | undefined;
  /** Why API Gateway may not invoke the functions; undefined when it may. */
  readonly denied: string | undefined;
}

/** An HTTP API of the template: its routes, their authorizers and their functions. */
export function createHttpApi(options: HttpApiOptions): HttpApi {
  const { place, invoke, log, now, newId } = options;
  const definition = readApi(options.api, options.resources);
  const { apiId, stage, stageVariables } = definition;
  const apiArn = `arn:aws:execute-api:${place.region}:${place.accountId}:${apiId}`;
  const findRoute = createRouteFinder(readRoutes(definition, apiArn, options));
  const count = createCounters(options.metrics, apiId, stage);
  /** Every stage but the default one is a first segment of the path. */
  const prefix = stage === '$default' ? '' : `/${stage}`;

  async function answer(request: IncomingMessage, requestId: string): Promise<HttpResponse> {
    const [path = '/', ...query] = (request.url ?? '/').split('?');
    const method = request.method ?? 'GET';
    const match = path.startsWith(prefix) ? findRoute(method, path.slice(prefix.length) || '/') : undefined;
    const body = await readWhole(request, BODY_BYTES_MAX);
    if (body === undefined) return GATEWAY_RESPONSES.requestTooLong;
    if (match === undefined) return GATEWAY_RESPONSES.notFound;

    const { route, parameters } = match;
    const rawQueryString = query.join('?');
    const source = { request, path, rawQueryString, routeKey: route.routeKey, parameters, stageVariables };
    const gateway = { accountId: place.accountId, apiId, stage, requestId, now: now() };
    const event = buildEvent({ ...source, ...gateway });
    if (route.denied !== undefined) throw new Error(route.denied);
    if (route.authorize === undefined) return integrate(route, event, event.requestContext, body);

    const routeArn = `${apiArn}/${stage}/${method}${path}`;
    const result = await within(AUTHORIZER_TIMEOUT_MS, route.authorize(event, routeArn));
    if (result === undefined) throw new Error('the authorizer took longer than 10 s');
    if (result.kind === 'failed') throw new Error(`the authorizer failed: ${result.reason}`);
    if (result.kind === 'unauthorized') return GATEWAY_RESPONSES.unauthorized;
    if (result.kind === 'forbidden') return GATEWAY_RESPONSES.forbidden;
    const authorized = { ...event.requestContext, authorizer: { lambda: result.context } };
    return integrate(route, event, authorized, body);
  }

  async function integrate(
    route: Route,
    event: RequestEvent,
    requestContext: object,
    body: Buffer,
  ): Promise<HttpResponse> {
    const payload = JSON.stringify({ ...event, requestContext, ...encodeBody(body, event.headers['content-type']) });
    const result = await within(route.timeoutMs, invoke(route.functionArn, payload));
    if (result === undefined) return GATEWAY_RESPONSES.serviceUnavailable;
    if (result.functionError !== undefined) throw new Error(`the function failed: ${result.payload}`);
    const response = readFunctionResponse(result.payload);
    if (response === undefined) throw new Error(`the function's result is no response: ${result.payload}`);
    return response;
  }

  return (request, response) => {
    const startedAt = now().getTime();
    const requestId = newId();
    answer(request, requestId)
      .catch((error: Error) => {
        if (error instanceof URIError) return GATEWAY_RESPONSES.badRequest;
        log(`${request.method} ${request.url} is answered 500: ${error.message}`);
        return GATEWAY_RESPONSES.internalServerError;
      })
      .then((answered) => {
        respond(response, answered, requestId);
        count(answered.status, startedAt, now().getTime());
      });
  };
}

function readRoutes(
  definition: ReturnType<typeof readApi>,
  apiArn: string,
  { access, invoke, now }: HttpApiOptions,
): ReadonlyMap<string, Route> {
  const denial = (resourceArn: string, sourceArn: string): string | undefined => {
    try {
      const service = 'apigateway.amazonaws.com';
      access.assertServiceAllowed({ service, action: 'lambda:InvokeFunction', resourceArn, sourceArn });
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  const authorizers = new Map(
    [...definition.authorizers].map(([id, authorizer]) => [
      id,
      {
        authorize: createAuthorizer(authorizer, invoke, now),
        denied: denial(authorizer.functionArn, `${apiArn}/authorizers/${id}`),
      },
    ]),
  );
  return new Map(
    [...definition.routes].map(([routeKey, { functionArn, timeoutMs, authorizerId }]) => {
      const authorizer = authorizerId === undefined ? undefined : authorizers.get(authorizerId);
      const [method, path = '/$default'] = routeKey.split(' ');
      const denied = denial(functionArn, `${apiArn}/${definition.stage}/${method}${path}`) ?? authorizer?.denied;
      return [routeKey, { routeKey, functionArn, timeoutMs, authorize: authorizer?.authorize, denied }];
    }),
  );
}

/** @returns undefined when the work takes longer; what it comes to is then dropped */
function within<T>(milliseconds: number, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), milliseconds);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function respond(response: ServerResponse, { status, headers, body }: HttpResponse, requestId: string): void {
  if (response.destroyed) return;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.setHeader('apigw-requestid', requestId);
  response.setHeader('content-length', Buffer.byteLength(body));
  response.writeHead(status).end(body);
}

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html */
function createCounters(metrics: MetricStore, apiId: string, stage: string) {
  const series = (name: string) =>
    [{ ApiId: apiId }, { ApiId: apiId, Stage: stage }].map((dimensions) =>
      metrics.series({ namespace: 'AWS/ApiGateway', name, dimensions }),
    );
  const [requests, clientErrors, serverErrors, latency] = [
    series('Count'),
    series('4xx'),
    series('5xx'),
    series('Latency'),
  ];
  return (status: number, startedAt: number, endedAt: number) => {
    for (const one of requests) one.add(1, endedAt);
    for (const one of clientErrors) one.add(status >= 400 && status < 500 ? 1 : 0, endedAt);
    for (const one of serverErrors) one.add(status >= 500 ? 1 : 0, endedAt);
    for (const one of latency) one.add(endedAt - startedAt, endedAt);
  };
}
