import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import { HttpApi as Api, HttpMethod, HttpStage, LogGroupLogDestination } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaAuthorizer, HttpLambdaResponseType } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Stage } from '../config/stages.ts';
import { acknowledge } from './acknowledgement.ts';

export interface HttpApiProps {
  readonly stage: Stage;
  readonly routes: readonly ApiRoute[];
  /** Called once per API key and minute with every request that is not public. */
  readonly authorizer: IFunction;
  /** The function that answers a route, by the name that the route gives. */
  readonly functionNamed: (name: string) => IFunction;
}

/** What this construct reads of an entry of the contract's route table. */
export interface ApiRoute {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly function: string;
  /** Null: anybody may call it, without a key. */
  readonly scope: string | null;
}

/** The HTTP API: one route for each of the contract's, and no other. */
export class HttpApi extends Construct {
  readonly api: Api;

  constructor(scope: Construct, id: string, props: HttpApiProps) {
    super(scope, id);
    this.api = new Api(this, 'Api', {
      apiName: `reckoner-${props.stage.name}`,
      description: 'The API of Reckoner',
      createDefaultStage: false,
    });
    this.addStage(props.stage);
    this.addRoutes(props);
  }

  private addStage(stage: Stage): void {
    const logGroup = new LogGroup(this, 'AccessLog', {
      retention: stage.logRetentionDays,
      removalPolicy: stage.keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: stage.apiThrottle.requestsPerSecond, burstLimit: stage.apiThrottle.burst },
      accessLogSettings: {
        destination: new LogGroupLogDestination(logGroup),
        format: AccessLogFormat.custom(JSON.stringify(ACCESS_LOG_FIELDS)),
      },
    });
  }

  private addRoutes(props: HttpApiProps): void {
    const authorizer = new HttpLambdaAuthorizer('Authorizer', props.authorizer, {
      responseTypes: [HttpLambdaResponseType.SIMPLE],
      identitySource: ['$request.header.Authorization'],
      resultsCacheTtl: Duration.seconds(60),
    });
    const integrations = new Map<string, HttpLambdaIntegration>();
    for (const { method, path, function: name, scope } of props.routes) {
      const integration =
        integrations.get(name) ?? new HttpLambdaIntegration(`${name} integration`, props.functionNamed(name));
      integrations.set(name, integration);
      const routes = this.api.addRoutes({
        path,
        methods: [HttpMethod[method]],
        integration,
        ...(scope === null ? {} : { authorizer }),
      });
      if (scope !== null) continue;
      for (const route of routes) {
        acknowledge(route, { 'AwsSolutions-APIG4': 'Public by the contract: it shows nothing of any customer.' });
      }
    }
  }
}

/** Who asked for what, what became of it and how long it took. Never a body, nor the key. */
const ACCESS_LOG_FIELDS = {
  requestId: '$context.requestId',
  requestTime: '$context.requestTime',
  sourceIp: '$context.identity.sourceIp',
  method: '$context.httpMethod',
  path: '$context.path',
  routeKey: '$context.routeKey',
  status: '$context.status',
  responseLength: '$context.responseLength',
  responseLatencyMs: '$context.responseLatency',
  integrationLatencyMs: '$context.integrationLatency',
  integrationError: '$context.integrationErrorMessage',
  authorizerError: '$context.authorizer.error',
};
