import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { AwsError } from '../../resources.ts';

/** Seven days, the longest that S3 honours a presigned URL. */
const expiresMaxSeconds = 604_800;

/**
 * Verifies a presigned URL as Signature Version 4 defines it: nobody has changed it, and its time is not over.
 * @param target path and query as they were sent.
 * @throws AwsError `AccessDenied`, `SignatureDoesNotMatch` or `AuthorizationQueryParametersError`.
 */
export function verifyPresigned(
  request: { method: string; target: string; headers: IncomingHttpHeaders },
  secretAccessKey: string,
  now: Date,
): void {
  const query = new URLSearchParams(request.target.slice(request.target.indexOf('?') + 1));
  const parameter = (name: string) => query.get(name) ?? '';
  const signedHeaders = parameter('X-Amz-SignedHeaders').split(';');
  const unsigned = Object.keys(request.headers).filter(
    (name) => name.startsWith('x-amz-') && name !== 'x-amz-content-sha256' && !signedHeaders.includes(name),
  );
  if (unsigned.length > 0) {
    const message = `There were headers present in the request which were not signed: ${unsigned.join(', ')}`;
    throw new AwsError('AccessDenied', message, 403);
  }

  const [, date = '', region = '', service = ''] = parameter('X-Amz-Credential').split('/');
  const scope = `${date}/${region}/${service}/aws4_request`;
  const canonicalRequest = canonicalize(request, signedHeaders, query);
  const stringToSign = ['AWS4-HMAC-SHA256', parameter('X-Amz-Date'), scope, sha256(canonicalRequest)].join('\n');
  const key = [date, region, service, 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  const expected = hmac(key, stringToSign);
  const actual = Buffer.from(parameter('X-Amz-Signature'), 'hex');
  if (actual.length !== expected.length || !timingSafeEqual(actual, expected)) {
    const message =
      'The request signature we calculated does not match the signature you provided. Check your key and signing method.';
    throw new AwsError('SignatureDoesNotMatch', message, 403);
  }

  const expires = Number(parameter('X-Amz-Expires'));
  if (!(expires >= 1 && expires <= expiresMaxSeconds)) {
    const message = `X-Amz-Expires must be between 1 and ${expiresMaxSeconds} seconds`;
    throw new AwsError('AuthorizationQueryParametersError', message, 400);
  }
  if (now.getTime() > parseDate(parameter('X-Amz-Date')) + expires * 1_000) {
    throw new AwsError('AccessDenied', 'Request has expired', 403);
  }
}

function canonicalize(
  { method, target, headers }: { method: string; target: string; headers: IncomingHttpHeaders },
  signedHeaders: readonly string[],
  query: URLSearchParams,
): string {
  const [path = ''] = target.split('?');
  const parameters = [...query]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, aValue], [b, bValue]) => byCodePoint(a, b) || byCodePoint(aValue, bValue))
    .map(([name, value]) => `${name}=${value}`);
  return [
    method,
    path
      .split('/')
      .map((segment) => encode(decodeURIComponent(segment)))
      .join('/'),
    parameters.join('&'),
    ...signedHeaders.map(
      (name) =>
        `${name}:${String(headers[name] ?? '')
          .trim()
          .replace(/ +/g, ' ')}`,
    ),
    '',
    signedHeaders.join(';'),
    query.get('X-Amz-Content-Sha256') ?? headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD',
  ].join('\n');
}

function byCodePoint(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** RFC 3986: everything but letters, digits and `-._~`. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** `20260131T235959Z` in milliseconds. */
function parseDate(date: string): number {
  return Date.parse(date.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)$/, '$1-$2-$3:$4:$5'));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
