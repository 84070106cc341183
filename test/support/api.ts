import type { APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import type { ApiEvent, Caller } from '../../functions/runtime/requests.ts';

type Handler = (event: ApiEvent, context: Context) => Promise<APIGatewayProxyStructuredResultV2>;

export interface TestCall {
  readonly params?: Record<string, string>;
  readonly query?: Record<string, string>;
  readonly body?: unknown;
  /** Sent as it is, where a test is about what is not JSON. */
  readonly rawBody?: string;
  readonly headers?: Record<string, string>;
  readonly caller?: Partial<Caller>;
}

export interface TestAnswer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: Record<string, unknown> & { errors?: { field: string; rule: string }[] };
}

const ALL_SCOPES = ['usage:write', 'ledger:write', 'ledger:read', 'operations', 'billing', 'admin'];

/** Calls an API function's handler as API Gateway would. */
export async function call(handler: Handler, routeKey: string, request: TestCall = {}): Promise<TestAnswer> {
  const { caller = {}, params = {}, query, headers = {} } = request;
  const event = {
    version: '2.0',
    routeKey,
    headers: { 'content-type': 'application/json', ...headers },
    pathParameters: params,
    // API Gateway leaves it out where there is nothing behind the path.
    ...(query !== undefined && { queryStringParameters: query }),
    body: request.rawBody ?? (request.body === undefined ? undefined : JSON.stringify(request.body)),
    isBase64Encoded: false,
    requestContext: {
      authorizer: {
        lambda: {
          keyId: caller.keyId ?? 'test-key',
          scopes: (caller.scopes ?? ALL_SCOPES).join(' '),
          account: caller.account ?? '',
        },
      },
    },
  };
  const result = await handler(event as unknown as ApiEvent, { awsRequestId: 'request-1' } as Context);
  return {
    status: result.statusCode ?? 0,
    headers: result.headers ?? {},
    body: JSON.parse(result.body ?? 'null') as TestAnswer['body'],
  };
}
