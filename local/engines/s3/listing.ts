import { AwsError } from '../../resources.ts';
import type { S3Response } from './objects.ts';
import type { S3Request } from './requests.ts';
import type { ObjectStore, StoredObject } from './store.ts';
import { writeXml } from './xml.ts';

/** Entries on one page, S3's own limit. */
const pageSizeMax = 1_000;

/** Sorts after every key that continues a prefix: the last code point, which no key uses. */
const lastCharacter = '\u{10FFFF}';

/** Answers ListObjectsV2: keys and common prefixes together, in the order of their bytes. */
export function listObjects(store: ObjectStore, { bucket, query }: S3Request): S3Response {
  const parameter = (name: string) => query.get(name) ?? undefined;
  const prefix = parameter('prefix') ?? '';
  const delimiter = parameter('delimiter');
  const token = parameter('continuation-token');
  const limit = keysAsked(query);
  const after = token === undefined ? (parameter('start-after') ?? '') : Buffer.from(token, 'base64url').toString();
  const page = collectPage(store, { bucket, prefix, delimiter, after, limit });
  const encode = parameter('encoding-type') === 'url' ? encodeKey : (text: string) => text;
  const body = writeXml('ListBucketResult', {
    Name: bucket,
    Prefix: encode(prefix),
    Delimiter: delimiter === undefined ? undefined : encode(delimiter),
    StartAfter: parameter('start-after') && encode(parameter('start-after') ?? ''),
    EncodingType: parameter('encoding-type'),
    MaxKeys: limit,
    KeyCount: page.objects.length + page.commonPrefixes.length,
    IsTruncated: page.next !== undefined,
    ContinuationToken: token,
    NextContinuationToken: page.next === undefined ? undefined : Buffer.from(page.next).toString('base64url'),
    Contents: page.objects.map(({ key, modifiedAt, etag, size }) => ({
      Key: encode(key),
      LastModified: new Date(modifiedAt).toISOString(),
      ETag: `"${etag}"`,
      Size: size,
      StorageClass: 'STANDARD',
    })),
    CommonPrefixes: page.commonPrefixes.map((common) => ({ Prefix: encode(common) })),
  });
  return { status: 200, headers: { 'content-type': 'application/xml' }, body };
}

/** How many entries a page may have. @throws AwsError `InvalidArgument` */
export function keysAsked(query: URLSearchParams): number {
  const limit = Math.min(Number(query.get('max-keys') ?? pageSizeMax), pageSizeMax);
  if (Number.isInteger(limit) && limit >= 0) return limit;
  throw new AwsError('InvalidArgument', 'max-keys must be a whole number of 0 or more.');
}

interface PageRequest {
  readonly bucket: string;
  readonly prefix: string;
  readonly delimiter: string | undefined;
  /** The page starts after this key. */
  readonly after: string;
  readonly limit: number;
}

function collectPage(store: ObjectStore, { bucket, prefix, delimiter, after, limit }: PageRequest) {
  const objects: StoredObject[] = [];
  const commonPrefixes: string[] = [];
  let last = after;
  for (;;) {
    const object = store.findNext(bucket, last, prefix);
    if (!object?.key.startsWith(prefix)) return { objects, commonPrefixes, next: undefined };
    // S3 answers an empty page, not a truncated one, when none is asked for.
    if (objects.length + commonPrefixes.length === limit) {
      return { objects, commonPrefixes, next: limit === 0 ? undefined : last };
    }
    const cut = delimiter ? object.key.indexOf(delimiter, prefix.length) : -1;
    if (cut < 0) {
      objects.push(object);
      last = object.key;
    } else {
      const common = object.key.slice(0, cut + (delimiter ?? '').length);
      // A page may start inside a common prefix that `start-after` names; S3 then leaves that prefix out.
      if (!after.startsWith(common)) commonPrefixes.push(common);
      last = common + lastCharacter;
    }
  }
}

export function encodeKey(key: string): string {
  return encodeURIComponent(key).replaceAll('%2F', '/');
}
