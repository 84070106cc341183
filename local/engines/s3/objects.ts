import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { AwsError } from '../../resources.ts';
import type { S3Request } from './requests.ts';
import type { ObjectStore, StoredObject } from './store.ts';

export interface S3Response {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Readable;
}

/** Headers that are kept with an object and come back with it. */
const keptHeaders =
  /^(content-type|content-encoding|content-disposition|content-language|cache-control|expires|x-amz-meta-.+)$/;

/** What S3 says of an object that was sent without a content type. */
const defaultContentType = 'binary/octet-stream';

/** The headers of a put or a new upload that belong to the object. */
export function headersToKeep(headers: S3Request['headers']): Record<string, string> {
  const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => keptHeaders.test(name)));
  // aws-chunked is how the body travels and not part of what it is.
  const { 'content-encoding': encodings = '', ...rest } = kept;
  const encoding = encodings
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== 'aws-chunked')
    .join(',');
  return { 'content-type': defaultContentType, ...rest, ...(encoding !== '' && { 'content-encoding': encoding }) };
}

/**
 * The `If-Match` and `If-None-Match` conditions of a write.
 * @returns a check that throws `PreconditionFailed` (412), or `NoSuchKey` when `If-Match` meets no object.
 */
export function writeConditions({ headers, key }: S3Request): (existing: StoredObject | undefined) => void {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers;
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') {
    throw new AwsError('NotImplemented', 'If-None-Match of a write may only be *.', 501);
  }
  return (existing) => {
    if (ifNoneMatch !== undefined && existing !== undefined) throw preconditionFailed();
    if (ifMatch === undefined) return;
    if (existing === undefined) throw noSuchKey(key);
    if (!etagMatches(ifMatch, existing.etag)) throw preconditionFailed();
  };
}

/** Answers GET and HEAD. @throws AwsError `NoSuchKey`, `PreconditionFailed` or `InvalidRange`. */
export function readObject(store: ObjectStore, request: S3Request): S3Response {
  const { headers, query } = request;
  const object = findObject(store, request);
  if (headers['if-match'] !== undefined && !etagMatches(headers['if-match'], object.etag)) throw preconditionFailed();
  const described = describe(object, headers['x-amz-checksum-mode'] === 'ENABLED' && headers.range === undefined);
  if (headers['if-none-match'] !== undefined && etagMatches(headers['if-none-match'], object.etag)) {
    return { status: 304, headers: described };
  }
  for (const [name, value] of query) {
    if (name.startsWith('response-')) described[name.slice('response-'.length)] = value;
  }
  const range = readRange(headers.range, object.size);
  const { start, end } = range ?? { start: 0, end: object.size - 1 };
  described['content-length'] = String(end - start + 1);
  if (range !== undefined) described['content-range'] = `bytes ${start}-${end}/${object.size}`;
  const answer = { status: range === undefined ? 200 : 206, headers: described };
  if (request.operation === 'HeadObject' || object.size === 0) return answer;
  return { ...answer, body: createReadStream('', { fd: store.openBody(object), start, end }) };
}

/** The object, or the version of it that is asked for. */
function findObject(store: ObjectStore, { bucket, key, version }: S3Request): StoredObject {
  const versions = store.versionsOf(bucket, key);
  if (version === undefined) {
    const latest = versions[0] ?? store.find(bucket, key);
    if (latest === undefined || versions[0]?.isDeleteMarker) throw noSuchKey(key);
    return latest;
  }
  const found = versions.find((one) => one.version === version);
  if (found === undefined) throw new AwsError('NoSuchVersion', 'The specified version does not exist.', 404);
  if (found.isDeleteMarker) {
    throw new AwsError('MethodNotAllowed', 'The specified method is not allowed against this resource.', 405);
  }
  return found;
}

export function noSuchKey(key: string): AwsError {
  return new AwsError('NoSuchKey', `The specified key does not exist: ${key}`, 404);
}

function describe(object: StoredObject, withChecksums: boolean): Record<string, string> {
  const headers = Object.entries(object.headers).filter(
    ([name]) => withChecksums || !name.startsWith('x-amz-checksum-'),
  );
  return {
    ...Object.fromEntries(headers),
    etag: `"${object.etag}"`,
    ...(object.version !== undefined && { 'x-amz-version-id': object.version }),
    'last-modified': new Date(object.modifiedAt).toUTCString(),
    'accept-ranges': 'bytes',
  };
}

function etagMatches(header: string, etag: string): boolean {
  return header.split(',').some((one) => ['*', etag, `"${etag}"`].includes(one.trim()));
}

/** One range of bytes, both ends inclusive; anything else is ignored, as HTTP allows. */
function readRange(header: string | undefined, size: number): { start: number; end: number } | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (start > end) throw new AwsError('InvalidRange', 'The requested range is not satisfiable.', 416);
  return { start, end };
}

function preconditionFailed(): AwsError {
  const message = 'At least one of the pre-conditions you specified did not hold';
  return new AwsError('PreconditionFailed', message, 412);
}
