import { describe, expect, it } from 'vitest';
import { stageNamed } from '../../config/stages.ts';
import { routes } from '../../contract/routes.ts';
import { pascalName } from '../../lib/functions.ts';
import { idOf, resourceOf, resourcesOf, templatesOf } from './templates.ts';

const { service } = templatesOf('prod');

const deployed = new Map(
  resourcesOf(service, 'AWS::ApiGatewayV2::Route').map(([, { Properties }]) => [Properties.RouteKey, Properties]),
);

describe.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))('%s', (key, route) => {
  it('is deployed and answered by the function that the contract names', () => {
    const target = JSON.stringify(deployed.get(key)?.Target);
    const integration = resourcesOf(service, 'AWS::ApiGatewayV2::Integration').find(([id]) => target.includes(id));
    expect(integration?.[1].Properties).toMatchObject({
      IntegrationType: 'AWS_PROXY',
      PayloadFormatVersion: '2.0',
      IntegrationUri: {
        'Fn::GetAtt': [idOf(service, 'AWS::Lambda::Function', `Functions${pascalName(route.function)}Function`), 'Arn'],
      },
    });
  });

  it(route.scope === null ? 'is open to anybody' : 'asks the authorizer first', () => {
    expect(deployed.get(key)).toMatchObject(
      route.scope === null
        ? { AuthorizationType: 'NONE' }
        : { AuthorizationType: 'CUSTOM', AuthorizerId: { Ref: idOf(service, 'AWS::ApiGatewayV2::Authorizer') } },
    );
  });
});

describe('the API', () => {
  it('has no route that the contract does not have', () => {
    expect([...deployed.keys()].sort()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort());
  });

  it('remembers what the authorizer said about a key for a minute', () => {
    expect(resourceOf(service, 'AWS::ApiGatewayV2::Authorizer').Properties).toMatchObject({
      AuthorizerType: 'REQUEST',
      AuthorizerPayloadFormatVersion: '2.0',
      EnableSimpleResponses: true,
      IdentitySource: ['$request.header.Authorization'],
      AuthorizerResultTtlInSeconds: 60,
    });
  });

  it('answers up to the rate of its stage and logs every request, without key or body', () => {
    const { apiThrottle } = stageNamed('prod');
    const { Properties } = resourceOf(service, 'AWS::ApiGatewayV2::Stage');
    expect(Properties).toMatchObject({
      StageName: '$default',
      AutoDeploy: true,
      DefaultRouteSettings: {
        ThrottlingRateLimit: apiThrottle.requestsPerSecond,
        ThrottlingBurstLimit: apiThrottle.burst,
      },
    });
    const { Format } = Properties.AccessLogSettings as { Format: string };
    expect(Object.keys(JSON.parse(Format))).toContain('requestId');
    expect(Format).not.toMatch(/header|body/i);
  });

  it('may call each function for its own routes only', () => {
    for (const [, { Properties }] of resourcesOf(service, 'AWS::Lambda::Permission')) {
      expect(Properties).toMatchObject({
        Action: 'lambda:InvokeFunction',
        Principal: 'apigateway.amazonaws.com',
        SourceArn: expect.anything(),
      });
    }
    expect(resourcesOf(service, 'AWS::Lambda::Permission')).toHaveLength(routes.length + 1);
  });
});
