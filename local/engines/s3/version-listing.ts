import { encodeKey, keysAsked } from './listing.ts';
import type { S3Response } from './objects.ts';
import type { S3Request } from './requests.ts';
import type { ObjectStore, StoredVersion } from './store.ts';
import { writeXml, type XmlElements } from './xml.ts';

/** Answers ListObjectVersions: keys in the order of their bytes, of each key the newest version first. */
export function listVersions(store: ObjectStore, { bucket, query }: S3Request): S3Response {
  const prefix = query.get('prefix') ?? '';
  const [keyMarker, versionMarker] = [query.get('key-marker') ?? '', query.get('version-id-marker') ?? ''];
  const limit = keysAsked(query);
  const encode = query.get('encoding-type') === 'url' ? encodeKey : (text: string) => text;
  const { page, isTruncated } = collect(store, { bucket, prefix, keyMarker, versionMarker, limit });
  const last = page.at(-1);
  const common = ({ key, version, isLatest, modifiedAt }: StoredVersion): XmlElements => ({
    Key: encode(key),
    VersionId: version,
    IsLatest: isLatest,
    LastModified: new Date(modifiedAt).toISOString(),
  });
  const body = writeXml('ListVersionsResult', {
    Name: bucket,
    Prefix: encode(prefix),
    KeyMarker: encode(keyMarker),
    VersionIdMarker: versionMarker,
    EncodingType: query.get('encoding-type') ?? undefined,
    MaxKeys: limit,
    IsTruncated: isTruncated,
    NextKeyMarker: isTruncated && last !== undefined ? encode(last.key) : undefined,
    NextVersionIdMarker: isTruncated ? last?.version : undefined,
    Version: page
      .filter(({ isDeleteMarker }) => !isDeleteMarker)
      .map((one) => ({ ...common(one), ETag: `"${one.etag}"`, Size: one.size, StorageClass: 'STANDARD' })),
    DeleteMarker: page.filter(({ isDeleteMarker }) => isDeleteMarker).map(common),
  });
  return { status: 200, headers: { 'content-type': 'application/xml' }, body };
}

interface VersionPageRequest {
  readonly bucket: string;
  readonly prefix: string;
  /** The page starts after this version of this key, or after all of its versions. */
  readonly keyMarker: string;
  readonly versionMarker: string;
  readonly limit: number;
}

function collect(store: ObjectStore, { bucket, prefix, keyMarker, versionMarker, limit }: VersionPageRequest) {
  const begun = versionMarker === '' ? [] : store.versionsOf(bucket, keyMarker);
  const page = begun.slice(begun.findIndex(({ version }) => version === versionMarker) + 1);
  for (let key: string | undefined = keyMarker; page.length <= limit; ) {
    key = store.findNextVersioned(bucket, key, prefix);
    if (!key?.startsWith(prefix)) break;
    page.push(...store.versionsOf(bucket, key));
  }
  return { page: page.slice(0, limit), isTruncated: page.length > limit && limit > 0 };
}
