import type { IncomingHttpHeaders } from 'node:http';
import { AwsError } from '../../resources.ts';
import type { Permission } from '../iam.ts';

export type S3Operation = keyof typeof queryOfOperation;

/** A REST call on S3, path style, made sense of. */
export interface S3Request {
  readonly operation: S3Operation;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  /** Lower case; of a presigned URL they include the `x-amz-` headers that its query carries. */
  readonly headers: Readonly<Record<string, string>>;
  readonly copySource?: { readonly bucket: string; readonly key: string };
  /** Which version of the object is meant; the latest where it is left out. */
  readonly version?: string;
}

/** The query parameters that each operation understands here. */
const queryOfOperation = {
  ListBuckets: [],
  HeadBucket: [],
  ListObjectsV2: [
    'list-type',
    'prefix',
    'delimiter',
    'max-keys',
    'continuation-token',
    'start-after',
    'encoding-type',
    'fetch-owner',
  ],
  ListObjectVersions: ['versions', 'prefix', 'max-keys', 'key-marker', 'version-id-marker', 'encoding-type'],
  DeleteObjects: ['delete'],
  GetObject: [
    'versionId',
    'response-cache-control',
    'response-content-disposition',
    'response-content-encoding',
    'response-content-language',
    'response-content-type',
    'response-expires',
  ],
  HeadObject: ['versionId'],
  PutObject: [],
  CopyObject: [],
  DeleteObject: ['versionId'],
  CreateMultipartUpload: ['uploads'],
  UploadPart: ['partNumber', 'uploadId'],
  CompleteMultipartUpload: ['uploadId'],
  AbortMultipartUpload: ['uploadId'],
} as const;

/** Headers that would change what is stored or who may read it, and that nothing here would honour. */
const refusedHeaders = /^x-amz-(tagging|object-lock-.*|server-side-encryption-customer-.*|copy-source-(if|range).*)$/;

/**
 * Finds out which operation a request is.
 * @param target path and query as they were sent; nothing is normalized, since keys may hold `..` and `//`.
 * @throws AwsError `NotImplemented` for every sub-resource that is not served here, rather than taking it for an object.
 */
export function readS3Request(method: string, target: string, sentHeaders: IncomingHttpHeaders): S3Request {
  const [path = '', queryText = ''] = splitOnce(target, '?');
  const [bucket = '', key = ''] = splitOnce(path.slice(1), '/').map(decodeURIComponent);
  const query = new URLSearchParams(queryText);
  const headers = mergeHeaders(sentHeaders, query);
  const operation = operationOf(method, bucket, key, query, headers);
  const known: readonly string[] = operation === undefined ? [] : queryOfOperation[operation];
  const strangers = [...query.keys()].filter((name) => !known.includes(name) && !/^x-(id$|amz-)/i.test(name));
  const refused = [...strangers, ...Object.keys(headers).filter((name) => refusedHeaders.test(name))];
  if (operation === undefined || refused.length > 0) {
    const what = `${method} ${key === '' ? (bucket === '' ? 'service' : 'bucket') : 'object'} ${refused.join(' ')}`;
    throw new AwsError('NotImplemented', `The local S3 does not implement this request: ${what.trim()}.`, 501);
  }
  const source = headers['x-amz-copy-source'];
  const version = query.get('versionId') ?? undefined;
  return {
    ...{ operation, bucket, key, query, headers },
    ...(source !== undefined && { copySource: readSource(source) }),
    ...(version !== undefined && { version }),
  };
}

/** The permissions that a request needs, by S3's table of required permissions. */
export function s3Permissions(request: S3Request): Permission[] {
  const { operation, bucket, key, copySource, version } = request;
  const bucketArn = `arn:aws:s3:::${bucket}`;
  const resourceArn = `${bucketArn}/${key}`;
  switch (operation) {
    case 'ListBuckets':
      return [{ action: 's3:ListAllMyBuckets', resourceArn: '*' }];
    case 'HeadBucket':
    case 'ListObjectsV2':
      return [{ action: 's3:ListBucket', resourceArn: bucketArn }];
    case 'ListObjectVersions':
      return [{ action: 's3:ListBucketVersions', resourceArn: bucketArn }];
    case 'GetObject':
    case 'HeadObject':
      return [{ action: version === undefined ? 's3:GetObject' : 's3:GetObjectVersion', resourceArn }];
    case 'CopyObject':
      return [
        { action: 's3:GetObject', resourceArn: `arn:aws:s3:::${copySource?.bucket}/${copySource?.key}` },
        { action: 's3:PutObject', resourceArn },
      ];
    case 'DeleteObject':
      return deletePermissions(bucket, key, version, bypassesGovernance(request));
    case 'AbortMultipartUpload':
      return [{ action: 's3:AbortMultipartUpload', resourceArn }];
    case 'DeleteObjects':
      // Each key is asked for on its own, once the body has been read.
      return [];
    default:
      return [{ action: 's3:PutObject', resourceArn }];
  }
}

/** What deleting a key, or one version of it, needs. */
export function deletePermissions(
  bucket: string,
  key: string,
  version: string | undefined,
  bypasses: boolean,
): Permission[] {
  const resourceArn = `arn:aws:s3:::${bucket}/${key}`;
  if (version === undefined) return [{ action: 's3:DeleteObject', resourceArn }];
  const bypass = bypasses ? [{ action: 's3:BypassGovernanceRetention', resourceArn }] : [];
  return [{ action: 's3:DeleteObjectVersion', resourceArn }, ...bypass];
}

export function bypassesGovernance({ headers }: Pick<S3Request, 'headers'>): boolean {
  return headers['x-amz-bypass-governance-retention'] === 'true';
}

function operationOf(
  method: string,
  bucket: string,
  key: string,
  query: URLSearchParams,
  headers: Readonly<Record<string, string>>,
): S3Operation | undefined {
  if (bucket === '') return method === 'GET' ? 'ListBuckets' : undefined;
  if (key === '') {
    if (method === 'HEAD') return 'HeadBucket';
    if (method === 'POST' && query.has('delete')) return 'DeleteObjects';
    if (method === 'GET' && query.has('versions')) return 'ListObjectVersions';
    return method === 'GET' && query.get('list-type') === '2' ? 'ListObjectsV2' : undefined;
  }
  const upload = query.has('uploadId');
  switch (method) {
    case 'GET':
      return 'GetObject';
    case 'HEAD':
      return 'HeadObject';
    case 'DELETE':
      return upload ? 'AbortMultipartUpload' : 'DeleteObject';
    case 'PUT':
      if (upload) return 'x-amz-copy-source' in headers ? undefined : 'UploadPart';
      return 'x-amz-copy-source' in headers ? 'CopyObject' : 'PutObject';
    case 'POST':
      if (query.has('uploads')) return 'CreateMultipartUpload';
      return upload ? 'CompleteMultipartUpload' : undefined;
    default:
      return undefined;
  }
}

function mergeHeaders(sent: IncomingHttpHeaders, query: URLSearchParams): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of query) {
    if (/^x-amz-/i.test(name)) headers[name.toLowerCase()] = value;
  }
  for (const [name, value] of Object.entries(sent)) headers[name] = String(value);
  return headers;
}

function readSource(header: string): { bucket: string; key: string } {
  const [bucket = '', key = ''] = splitOnce(decodeURIComponent(header).replace(/^\//, ''), '/');
  if (key.includes('?versionId=')) {
    throw new AwsError(
      'NotImplemented',
      'The local S3 copies latest versions alone: leave versionId out of x-amz-copy-source.',
      501,
    );
  }
  return { bucket, key };
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
