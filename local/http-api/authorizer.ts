import type { InvokeFunction } from '../resources.ts';
import type { RequestEvent } from './event.ts';

/** What the template says of a Lambda authorizer with simple responses. */
export interface AuthorizerDefinition {
  readonly functionArn: string;
  /** `$request.header.Authorization`, `$request.querystring.key`, `$context.routeKey`... All must be there. */
  readonly identitySources: readonly string[];
  readonly cacheSeconds: number;
}

export type Authorization =
  | { readonly kind: 'authorized'; readonly context: Readonly<Record<string, unknown>> }
  /** An identity source is missing: the function was not asked. */
  | { readonly kind: 'unauthorized' }
  | { readonly kind: 'forbidden' }
  | { readonly kind: 'failed'; readonly reason: string };

/** Whether a request may pass. Results are remembered by identity for as long as the template says. */
export type Authorize = (event: RequestEvent, routeArn: string) => Promise<Authorization>;

/** Beyond so many identities everything is forgotten: they come from outside. */
const IDENTITIES_CACHED_MAX = 10_000;

export function createAuthorizer(definition: AuthorizerDefinition, invoke: InvokeFunction, now: () => Date): Authorize {
  const { functionArn, identitySources, cacheSeconds } = definition;
  const sources = identitySources.map(readSource);
  const cache = new Map<string, { readonly result: Authorization; readonly expiresAt: number }>();

  return async (event, routeArn) => {
    const identity = sources.map((source) => source(event));
    if (identity.some((value) => value === undefined || value === '')) return { kind: 'unauthorized' };

    const key = identity.join('\n');
    const cached = cache.get(key);
    if (cached !== undefined && cached.expiresAt > now().getTime()) return cached.result;

    const request = { ...event, type: 'REQUEST', routeArn, identitySource: identity };
    const { payload, functionError } = await invoke(functionArn, JSON.stringify(request));
    const result = functionError === undefined ? readResult(payload) : failed(payload);
    if (cacheSeconds > 0 && sources.length > 0 && result.kind !== 'failed') {
      if (cache.size >= IDENTITIES_CACHED_MAX) cache.clear();
      cache.set(key, { result, expiresAt: now().getTime() + cacheSeconds * 1000 });
    }
    return result;
  };
}

type ReadIdentity = (event: RequestEvent) => string | undefined;

/** @throws Error for an expression that HTTP APIs do not know */
function readSource(expression: string): ReadIdentity {
  const [, kind, name = ''] =
    /^\$(request\.header|request\.querystring|context|stageVariables)\.(.+)$/.exec(expression) ?? [];
  const header = name.toLowerCase();
  switch (kind) {
    case 'request.header':
      return (event) => event.headers[header];
    case 'request.querystring':
      return (event) => event.queryStringParameters?.[name];
    case 'stageVariables':
      return (event) => event.stageVariables?.[name];
    case 'context':
      return ({ requestContext }) => {
        const value: unknown = Object.entries(requestContext).find(([key]) => key === name)?.[1];
        return value === undefined ? undefined : String(value);
      };
    default:
      throw new Error(`The identity source "${expression}" of an authorizer is not one that HTTP APIs know.`);
  }
}

function readResult(payload: string): Authorization {
  const result = JSON.parse(payload) as { isAuthorized?: unknown; context?: Record<string, unknown> } | null;
  if (typeof result?.isAuthorized !== 'boolean') return failed(`its result has no boolean "isAuthorized": ${payload}`);
  return result.isAuthorized ? { kind: 'authorized', context: result.context ?? {} } : { kind: 'forbidden' };
}

function failed(reason: string): Authorization {
  return { kind: 'failed', reason };
}
