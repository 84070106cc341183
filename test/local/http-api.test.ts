import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { type ApiServer, createHttpApi, openApiServer } from '../../local/http-api.ts';
import { createMetricStore, MINUTE_MS } from '../../local/metrics.ts';
import type { InvocationResult, Resource } from '../../local/resources.ts';

const place = { accountId: '000000000000', region: 'us-east-1' };
const at = new Date('2026-11-20T19:03:58.123Z');
const fnArn = 'arn:aws:lambda:us-east-1:000000000000:function:Fn';
const authorizerArn = 'arn:aws:lambda:us-east-1:000000000000:function:Authorizer';
const resource = (type: string, id: string, properties: object): Resource => ({
  stack: 'One',
  logicalId: id,
  type: `AWS::ApiGatewayV2::${type}`,
  physicalId: id,
  arn: '',
  properties: { ApiId: 'api1', ...properties },
});
const api = resource('Api', 'api1', { ProtocolType: 'HTTP' });
const stage = (name = '$default') => resource('Stage', name, {});
const proxy = { IntegrationType: 'AWS_PROXY', IntegrationUri: fnArn, PayloadFormatVersion: '2.0' };
const integration = (more: object = {}) => resource('Integration', 'int1', { ...proxy, ...more });
const route = (RouteKey: string, more: object = {}) =>
  resource('Route', RouteKey, { RouteKey, Target: 'integrations/int1', ...more });
const guarded = { AuthorizationType: 'CUSTOM', AuthorizerId: 'auth1' };
const authorizer = resource('Authorizer', 'auth1', {
  AuthorizerType: 'REQUEST',
  AuthorizerUri: `arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${authorizerArn}/invocations`,
  AuthorizerPayloadFormatVersion: '2.0',
  EnableSimpleResponses: true,
  IdentitySource: ['$request.header.Authorization'],
  AuthorizerResultTtlInSeconds: 60,
});

let server: ApiServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

interface Serving {
  readonly resources: readonly Resource[];
  readonly answer?: (functionArn: string, event: Record<string, unknown>) => unknown;
  readonly denied?: string;
  readonly now?: () => Date;
}

async function serve({ resources, answer = (_, event) => event, denied, now = () => at }: Serving) {
  const metrics = createMetricStore();
  const said: string[] = [];
  const listening = await openApiServer({ host: '127.0.0.1', port: 0 });
  server = listening;
  listening.serve(
    createHttpApi({
      api,
      resources: [api, ...resources],
      place,
      access: {
        assertServiceAllowed({ sourceArn = '' }) {
          if (denied !== undefined && sourceArn.includes(denied)) throw new Error('not authorized to perform');
        },
      },
      invoke: async (functionArn, payload): Promise<InvocationResult> => {
        const result = await answer(functionArn, JSON.parse(payload));
        return result instanceof Error
          ? { payload: JSON.stringify({ errorType: result.name }), functionError: 'Unhandled' }
          : { payload: JSON.stringify(result) ?? 'null' };
      },
      metrics,
      log: (line) => said.push(line),
      now,
      newId: () => 'request-1',
    }),
  );
  const call = async (path: string, init?: RequestInit) => {
    const response = await fetch(listening.url + path, init);
    const body = await response.text();
    return { status: response.status, headers: response.headers, body, json: () => JSON.parse(body) };
  };
  return { call, url: listening.url, said, metrics };
}

const refusal = (status: number, message: string) => ({ status, body: JSON.stringify({ message }) });

describe('the event', () => {
  it('is written in payload format 2.0', async () => {
    const { url } = await serve({ resources: [stage(), integration(), route('POST /v1/accounts/{id}/notes/{rest+}')] });
    const sent = httpRequest(`${url}/v1/accounts/customer%3Aacme/notes/a/b%20c?x=1&x=2&y=a%20b+c&flag`, {
      method: 'POST',
      headers: {
        'X-Many': ['one', 'two'],
        Cookie: 'a=1; b=2',
        'Content-Type': 'application/json',
        'User-Agent': 'test',
      },
    });
    sent.end('{"n":1}');
    const [response] = await once(sent, 'response');
    const event = JSON.parse(await text(response));
    expect(event).toEqual({
      version: '2.0',
      routeKey: 'POST /v1/accounts/{id}/notes/{rest+}',
      rawPath: '/v1/accounts/customer:acme/notes/a/b c',
      rawQueryString: 'x=1&x=2&y=a%20b+c&flag',
      cookies: ['a=1', 'b=2'],
      headers: expect.objectContaining({
        'x-many': 'one,two',
        'content-type': 'application/json',
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-proto': 'http',
      }),
      queryStringParameters: { x: '1,2', y: 'a b c', flag: '' },
      requestContext: {
        accountId: '000000000000',
        apiId: 'api1',
        domainName: url.replace('http://', ''),
        domainPrefix: '127',
        http: {
          method: 'POST',
          path: '/v1/accounts/customer:acme/notes/a/b c',
          protocol: 'HTTP/1.1',
          sourceIp: '127.0.0.1',
          userAgent: 'test',
        },
        requestId: 'request-1',
        routeKey: 'POST /v1/accounts/{id}/notes/{rest+}',
        stage: '$default',
        time: '20/Nov/2026:19:03:58 +0000',
        timeEpoch: at.getTime(),
      },
      pathParameters: { id: 'customer:acme', rest: 'a/b c' },
      body: '{"n":1}',
      isBase64Encoded: false,
    });
    expect(event.headers).not.toHaveProperty('cookie');
  });

  it('leaves out what a request does not have', async () => {
    const { call } = await serve({ resources: [stage(), integration(), route('GET /')] });
    const event = (await call('/')).json();
    for (const absent of ['cookies', 'queryStringParameters', 'pathParameters', 'stageVariables', 'body']) {
      expect(event).not.toHaveProperty(absent);
    }
    expect(event.isBase64Encoded).toBe(false);
  });

  it.each([
    ['application/json; charset=utf-8', false],
    ['text/csv', false],
    ['application/cloudevents+json', true],
    ['application/x-www-form-urlencoded', true],
    ['application/gzip', true],
  ])('hands over a body of %s in base64: %s', async (contentType, isBase64Encoded) => {
    const { call } = await serve({ resources: [stage(), integration(), route('POST /')] });
    const headers = { 'content-type': contentType };
    const event = (await call('/', { method: 'POST', headers, body: 'é' })).json();
    expect(event).toMatchObject({ isBase64Encoded, body: isBase64Encoded ? Buffer.from('é').toString('base64') : 'é' });
  });

  it('keeps the stage in the path of a named stage', async () => {
    const { call } = await serve({ resources: [stage('beta'), integration(), route('GET /a')] });
    expect((await call('/beta/a')).json()).toMatchObject({ rawPath: '/beta/a', requestContext: { stage: 'beta' } });
    expect((await call('/a')).status).toBe(404);
  });
});

describe('the response', () => {
  const answering = (result: unknown) =>
    serve({ resources: [stage(), integration(), route('GET /')], answer: () => result });

  it('is what the function describes', async () => {
    const { call } = await answering({ statusCode: 201, headers: { 'X-A': 1 }, cookies: ['a=1', 'b=2'], body: 'made' });
    const { status, headers, body } = await call('/');
    expect({
      status,
      body,
      type: headers.get('content-type'),
      a: headers.get('x-a'),
      cookies: headers.getSetCookie(),
    }).toEqual({
      status: 201,
      body: 'made',
      type: 'text/plain;charset=UTF-8',
      a: '1',
      cookies: ['a=1', 'b=2'],
    });
    expect(headers.get('apigw-requestid')).toBe('request-1');
  });

  it('is a 200 of JSON when the function gives no status', async () => {
    const { call } = await answering({ balance: '5' });
    const { status, headers, body } = await call('/');
    expect([status, headers.get('content-type'), body]).toEqual([200, 'application/json', '{"balance":"5"}']);
  });

  it('is decoded from base64', async () => {
    const { call } = await answering({
      statusCode: 200,
      body: Buffer.from('é').toString('base64'),
      isBase64Encoded: true,
    });
    expect((await call('/')).body).toBe('é');
  });

  it.each([[{ statusCode: 200, body: { not: 'text' } }], [{ statusCode: 'soon' }], [new Error('boom')]])(
    'is a 500 when the function gives none: %j',
    async (result) => {
      const { call, said, metrics } = await answering(result);
      expect(await call('/')).toMatchObject(refusal(500, 'Internal Server Error'));
      expect(said).toEqual([expect.stringMatching(/^GET \/ is answered 500: the function/)]);
      const id = { namespace: 'AWS/ApiGateway', name: '5xx', dimensions: { ApiId: 'api1' } };
      const minute = Math.floor(at.getTime() / MINUTE_MS) * MINUTE_MS;
      expect(metrics.statistic(id, 'Sum', minute, minute + MINUTE_MS)).toBe(1);
    },
  );

  it('is a 503 when the function takes longer than the integration waits', async () => {
    const resources = [stage(), integration({ TimeoutInMillis: 50 }), route('GET /')];
    const { call } = await serve({ resources, answer: () => new Promise(() => {}) });
    expect(await call('/')).toMatchObject(refusal(503, 'Service Unavailable'));
  });
});

describe('API Gateway itself', () => {
  it('finds no route', async () => {
    const { call } = await serve({ resources: [stage(), integration(), route('GET /a')] });
    expect(await call('/a', { method: 'POST' })).toMatchObject(refusal(404, 'Not Found'));
  });

  it('refuses a path whose encoding means nothing', async () => {
    const { call } = await serve({ resources: [stage(), integration(), route('GET /{id}')] });
    expect(await call('/%zz')).toMatchObject(refusal(400, 'Bad Request'));
  });

  it('refuses bodies above 10 MB', async () => {
    const { call } = await serve({ resources: [stage(), integration(), route('POST /')] });
    const body = Buffer.alloc(10 * 1024 * 1024 + 1);
    expect(await call('/', { method: 'POST', body })).toMatchObject(refusal(413, 'Request Too Long'));
  });

  it('needs a permission to invoke the function', async () => {
    const resources = [stage(), integration(), route('GET /a')];
    const { call, said } = await serve({ resources, denied: 'api1/$default/GET/a' });
    expect(await call('/a')).toMatchObject(refusal(500, 'Internal Server Error'));
    expect(said).toEqual(['GET /a is answered 500: not authorized to perform']);
  });

  it('names the port that is in use', async () => {
    const { url } = await serve({ resources: [stage(), integration(), route('GET /')] });
    const port = Number(new URL(url).port);
    await expect(openApiServer({ host: '127.0.0.1', port })).rejects.toThrow(
      `Port ${port} on 127.0.0.1 is already in use`,
    );
  });

  it.each([
    [
      [stage(), integration({ PayloadFormatVersion: '1.0' }), route('GET /')],
      'a AWS_PROXY integration of payload format 1.0',
    ],
    [[stage(), integration(), route('GET /', { AuthorizationType: 'JWT' })], 'AuthorizationType JWT'],
    [[integration(), route('GET /')], 'an API without exactly one stage'],
  ])('says what the local cloud does not serve', async (resources, what) => {
    await expect(serve({ resources })).rejects.toThrow(`the local cloud does not serve ${what}.`);
  });
});

describe('an authorizer', () => {
  const resources = [stage(), integration(), route('GET /open'), route('GET /v1/{id}', guarded), authorizer];
  const key = { headers: { authorization: 'Bearer k1' } };

  it('lets a request pass with its context', async () => {
    const asked: unknown[] = [];
    const { call } = await serve({
      resources,
      answer: (arn, event) => {
        if (arn !== authorizerArn) return event;
        asked.push(event);
        return { isAuthorized: true, context: { scope: 'ledger:read' } };
      },
    });
    expect((await call('/v1/7', key)).json().requestContext.authorizer).toEqual({ lambda: { scope: 'ledger:read' } });
    expect(asked).toEqual([
      expect.objectContaining({
        type: 'REQUEST',
        routeArn: 'arn:aws:execute-api:us-east-1:000000000000:api1/$default/GET/v1/7',
        identitySource: ['Bearer k1'],
        routeKey: 'GET /v1/{id}',
        pathParameters: { id: '7' },
      }),
    ]);
    expect((await call('/open')).json().requestContext).not.toHaveProperty('authorizer');
    expect(asked).toHaveLength(1);
  });

  it('is not asked when the identity is missing', async () => {
    let asked = 0;
    const { call } = await serve({ resources, answer: () => ({ isAuthorized: ++asked > 0 }) });
    expect(await call('/v1/7')).toMatchObject(refusal(401, 'Unauthorized'));
    expect(asked).toBe(0);
  });

  it('is asked once per identity for as long as its answer holds, denials too', async () => {
    let now = at;
    let asked = 0;
    const answer = () => {
      asked += 1;
      return { isAuthorized: false };
    };
    const { call } = await serve({ resources, answer, now: () => now });
    expect(await call('/v1/1', key)).toMatchObject(refusal(403, 'Forbidden'));
    now = new Date(at.getTime() + 59_000);
    await call('/v1/2', key);
    expect(asked).toBe(1);
    await call('/v1/2', { headers: { authorization: 'Bearer k2' } });
    expect(asked).toBe(2);
    now = new Date(at.getTime() + 61_000);
    await call('/v1/2', key);
    expect(asked).toBe(3);
  });

  it.each([[new Error('boom')], [{ yes: true }], [null]])('that fails is a 500: %j', async (result) => {
    const { call } = await serve({ resources, answer: () => result });
    expect(await call('/v1/1', key)).toMatchObject(refusal(500, 'Internal Server Error'));
  });
});
