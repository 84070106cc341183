import type { IncomingMessage } from 'node:http';

/** A request as API Gateway hands it to functions in payload format 2.0, without what only one of them gets. */
export interface RequestEvent {
  readonly version: '2.0';
  readonly routeKey: string;
  readonly rawPath: string;
  readonly rawQueryString: string;
  readonly cookies?: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly queryStringParameters?: Readonly<Record<string, string>>;
  readonly requestContext: RequestContext;
  readonly pathParameters?: Readonly<Record<string, string>>;
  readonly stageVariables?: Readonly<Record<string, string>>;
}

export interface RequestContext {
  readonly accountId: string;
  readonly apiId: string;
  readonly domainName: string;
  readonly domainPrefix: string;
  readonly http: {
    readonly method: string;
    readonly path: string;
    readonly protocol: string;
    readonly sourceIp: string;
    readonly userAgent: string;
  };
  readonly requestId: string;
  readonly routeKey: string;
  readonly stage: string;
  readonly time: string;
  readonly timeEpoch: number;
}

export interface EventSource {
  readonly request: IncomingMessage;
  /** Without the query string. */
  readonly path: string;
  readonly rawQueryString: string;
  readonly routeKey: string;
  readonly parameters: readonly (readonly [name: string, value: string])[];
  readonly accountId: string;
  readonly apiId: string;
  readonly stage: string;
  readonly stageVariables: Readonly<Record<string, string>>;
  readonly requestId: string;
  readonly now: Date;
}

/**
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 * The path arrives decoded, unlike a REST API's.
 *
 * @throws URIError for a percent-encoding that means nothing
 */
export function buildEvent(source: EventSource): RequestEvent {
  const { request, routeKey, rawQueryString, parameters, stageVariables } = source;
  const { headers, cookies } = readHeaders(request);
  const path = decodeURIComponent(source.path);
  return {
    version: '2.0',
    routeKey,
    rawPath: path,
    rawQueryString,
    ...(cookies.length > 0 && { cookies }),
    headers,
    ...(rawQueryString !== '' && { queryStringParameters: readQuery(rawQueryString) }),
    requestContext: contextOf(source, headers, path),
    ...(parameters.length > 0 && {
      pathParameters: Object.fromEntries(parameters.map(([name, value]) => [name, decodeURIComponent(value)])),
    }),
    ...(Object.keys(stageVariables).length > 0 && { stageVariables }),
  };
}

/** The body and how it is written: the types that HTTP APIs hand over as text were found by trying, no page lists them. */
export function encodeBody(body: Buffer, contentType: string | undefined): { body?: string; isBase64Encoded: boolean } {
  if (body.length === 0) return { isBase64Encoded: false };
  const isText = contentType !== undefined && isTextType(contentType);
  return { body: body.toString(isText ? 'utf8' : 'base64'), isBase64Encoded: !isText };
}

const TEXT_TYPES: ReadonlySet<string> = new Set(['application/json', 'application/xml', 'application/javascript']);

function isTextType(contentType: string): boolean {
  const end = contentType.indexOf(';');
  const type = (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
  return type.startsWith('text/') || TEXT_TYPES.has(type);
}

/** Names in lower case, repeated headers joined by commas, cookies apart. */
function readHeaders({ rawHeaders, socket }: IncomingMessage): { headers: Record<string, string>; cookies: string[] } {
  const headers: Record<string, string> = {};
  const cookies: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    const value = rawHeaders[index + 1] ?? '';
    if (name === 'cookie') cookies.push(...value.split(';').map((cookie) => cookie.trim()));
    else if (name !== 'connection') headers[name] = headers[name] === undefined ? value : `${headers[name]},${value}`;
  }
  headers['x-forwarded-for'] = [headers['x-forwarded-for'], socket.remoteAddress].filter(Boolean).join(', ');
  headers['x-forwarded-port'] = String(socket.localPort);
  headers['x-forwarded-proto'] = 'http';
  return { headers, cookies };
}

function readQuery(rawQueryString: string): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const pair of rawQueryString.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decodeQuery(equals === -1 ? pair : pair.slice(0, equals));
    const value = equals === -1 ? '' : decodeQuery(pair.slice(equals + 1));
    parameters[name] = parameters[name] === undefined ? value : `${parameters[name]},${value}`;
  }
  return parameters;
}

function decodeQuery(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}

function contextOf(source: EventSource, headers: Readonly<Record<string, string>>, path: string): RequestContext {
  const { request, now } = source;
  const domainName = headers.host ?? 'localhost';
  return {
    accountId: source.accountId,
    apiId: source.apiId,
    domainName,
    domainPrefix: domainName.split('.')[0] ?? '',
    http: {
      method: request.method ?? 'GET',
      path,
      protocol: `HTTP/${request.httpVersion}`,
      sourceIp: request.socket.remoteAddress ?? '',
      userAgent: headers['user-agent'] ?? '',
    },
    requestId: source.requestId,
    routeKey: source.routeKey,
    stage: source.stage,
    time: commonLogTime(now),
    timeEpoch: now.getTime(),
  };
}

/** `20/Nov/2026:19:03:58 +0000` */
function commonLogTime(now: Date): string {
  const [, day, month, year, time] = now.toUTCString().split(' ');
  return `${day}/${month}/${year}:${time} +0000`;
}
