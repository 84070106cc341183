import type { Resource } from '../resources.ts';
import type { AuthorizerDefinition } from './authorizer.ts';

/** An HTTP API of the template with everything that belongs to it. */
export interface ApiDefinition {
  readonly apiId: string;
  readonly stage: string;
  readonly stageVariables: Readonly<Record<string, string>>;
  /** By route key. */
  readonly routes: ReadonlyMap<string, RouteDefinition>;
  /** By id. */
  readonly authorizers: ReadonlyMap<string, AuthorizerDefinition>;
}

export interface RouteDefinition {
  readonly routeKey: string;
  readonly functionArn: string;
  readonly timeoutMs: number;
  /** Undefined for routes that anybody may call. */
  readonly authorizerId: string | undefined;
}

/** The longest that an HTTP API waits for an integration, and how long it waits when the template does not say. */
const INTEGRATION_TIMEOUT_MS = 30_000;

/** @throws Error naming the resource whose settings are not supported here */
export function readApi(api: Resource, resources: readonly Resource[]): ApiDefinition {
  const parts = (type: string) =>
    resources.filter((part) => part.type === `AWS::ApiGatewayV2::${type}` && part.properties.ApiId === api.physicalId);
  if (api.properties.ProtocolType !== 'HTTP') throw unsupported(api, `a ${api.properties.ProtocolType} API`);
  if (api.properties.CorsConfiguration !== undefined) throw unsupported(api, 'CorsConfiguration');

  const [stage, another] = parts('Stage');
  if (stage === undefined || another !== undefined) throw unsupported(api, 'an API without exactly one stage');
  const integrations = new Map(parts('Integration').map((part) => [part.physicalId, part]));
  const routes = parts('Route').map((route) => readRoute(route, integrations));
  return {
    apiId: api.physicalId,
    stage: stage.physicalId,
    stageVariables: (stage.properties.StageVariables ?? {}) as Record<string, string>,
    routes: new Map(routes.map((route) => [route.routeKey, route])),
    authorizers: new Map(parts('Authorizer').map((part) => [part.physicalId, readAuthorizer(part)])),
  };
}

interface RouteProperties {
  readonly RouteKey: string;
  readonly Target?: string;
  readonly AuthorizationType?: string;
  readonly AuthorizerId?: string;
}

function readRoute(route: Resource, integrations: ReadonlyMap<string, Resource>): RouteDefinition {
  const { RouteKey, Target, AuthorizationType = 'NONE', AuthorizerId } = route.properties as unknown as RouteProperties;
  if (AuthorizationType !== 'NONE' && AuthorizationType !== 'CUSTOM') {
    throw unsupported(route, `AuthorizationType ${AuthorizationType}`);
  }
  const integration = integrations.get(Target?.replace('integrations/', '') ?? '');
  if (integration === undefined) throw unsupported(route, 'a route without an integration');
  return {
    routeKey: RouteKey,
    ...readIntegration(integration),
    authorizerId: AuthorizationType === 'CUSTOM' ? AuthorizerId : undefined,
  };
}

interface IntegrationProperties {
  readonly IntegrationType: string;
  readonly IntegrationUri: string;
  readonly PayloadFormatVersion: string;
  readonly TimeoutInMillis?: number;
}

function readIntegration(integration: Resource): Pick<RouteDefinition, 'functionArn' | 'timeoutMs'> {
  const properties = integration.properties as unknown as IntegrationProperties;
  const { IntegrationType, IntegrationUri, PayloadFormatVersion, TimeoutInMillis } = properties;
  if (IntegrationType !== 'AWS_PROXY' || PayloadFormatVersion !== '2.0') {
    throw unsupported(integration, `a ${IntegrationType} integration of payload format ${PayloadFormatVersion}`);
  }
  return {
    functionArn: functionArnOf(IntegrationUri),
    timeoutMs: Math.min(TimeoutInMillis ?? INTEGRATION_TIMEOUT_MS, INTEGRATION_TIMEOUT_MS),
  };
}

interface AuthorizerProperties {
  readonly AuthorizerType: string;
  readonly AuthorizerUri: string;
  readonly AuthorizerPayloadFormatVersion?: string;
  readonly EnableSimpleResponses?: boolean;
  readonly IdentitySource?: readonly string[];
  readonly AuthorizerResultTtlInSeconds?: number;
}

function readAuthorizer(authorizer: Resource): AuthorizerDefinition {
  const properties = authorizer.properties as unknown as AuthorizerProperties;
  const { AuthorizerType, AuthorizerPayloadFormatVersion, EnableSimpleResponses } = properties;
  if (AuthorizerType !== 'REQUEST' || AuthorizerPayloadFormatVersion !== '2.0' || EnableSimpleResponses !== true) {
    throw unsupported(authorizer, 'any authorizer but REQUEST with payload format 2.0 and simple responses');
  }
  return {
    functionArn: functionArnOf(properties.AuthorizerUri),
    identitySources: properties.IdentitySource ?? [],
    cacheSeconds: properties.AuthorizerResultTtlInSeconds ?? 0,
  };
}

/** From the ARN itself, or from API Gateway's `...:lambda:path/2015-03-31/functions/<arn>/invocations`. */
function functionArnOf(uri: string): string {
  return /\/functions\/(.+)\/invocations$/.exec(uri)?.[1] ?? uri;
}

function unsupported({ stack, logicalId }: Resource, what: string): Error {
  return new Error(`In stack ${stack}, resource ${logicalId}: the local cloud does not serve ${what}.`);
}
