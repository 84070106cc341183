/** What is sent to the caller. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string | Buffer;
}

/** API Gateway's own answers, word for word. */
export const GATEWAY_RESPONSES = {
  badRequest: gatewayResponse(400, 'Bad Request'),
  unauthorized: gatewayResponse(401, 'Unauthorized'),
  forbidden: gatewayResponse(403, 'Forbidden'),
  notFound: gatewayResponse(404, 'Not Found'),
  requestTooLong: gatewayResponse(413, 'Request Too Long'),
  internalServerError: gatewayResponse(500, 'Internal Server Error'),
  serviceUnavailable: gatewayResponse(503, 'Service Unavailable'),
} as const;

/**
 * What a function's result means in payload format 2.0: with a `statusCode` it describes the response, without one it is
 * the body of a 200.
 *
 * @returns undefined for a result that API Gateway cannot read
 */
export function readFunctionResponse(payload: string): HttpResponse | undefined {
  const result: unknown = JSON.parse(payload);
  if (!isRecord(result) || result.statusCode === undefined) {
    return { status: 200, headers: { 'content-type': 'application/json' }, body: payload };
  }
  const { statusCode, headers = {}, cookies, body = '', isBase64Encoded = false } = result;
  const status = Number(statusCode);
  if (!Number.isInteger(status) || status < 100 || status > 599) return undefined;
  if (!isRecord(headers) || (body !== null && typeof body !== 'string')) return undefined;

  const sent: Record<string, string | readonly string[]> = { 'content-type': 'text/plain;charset=UTF-8' };
  for (const [name, value] of Object.entries(headers)) sent[name.toLowerCase()] = String(value);
  if (Array.isArray(cookies)) sent['set-cookie'] = cookies.map(String);
  const text = body ?? '';
  return { status, headers: sent, body: isBase64Encoded === true ? Buffer.from(text, 'base64') : text };
}

function gatewayResponse(status: number, message: string): HttpResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ message }) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
