import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { AwsError, type Place, type Resource } from '../resources.ts';
import type { Permission } from './iam.ts';
import { lockDirectory } from './lock.ts';
import { receiveBody } from './s3/body.ts';
import { listObjects } from './s3/listing.ts';
import { createUpload, findUpload, joinParts, receivePart } from './s3/multipart.ts';
import type { ObjectCreated } from './s3/notifications.ts';
import { locksOf } from './s3/object-lock.ts';
import { headersToKeep, noSuchKey, readObject, type S3Response, writeConditions } from './s3/objects.ts';
import { bypassesGovernance, deletePermissions, type S3Operation, type S3Request } from './s3/requests.ts';
import { openObjectStore, type StoredObject } from './s3/store.ts';
import { listVersions } from './s3/version-listing.ts';
import { readElements, writeXml, type XmlElements } from './s3/xml.ts';

export interface S3Engine {
  /**
   * Answers a request that its caller is allowed to make.
   * @param authorize is asked for each key of a DeleteObjects, which only the body names; it throws to refuse one.
   * @throws AwsError as S3 names its errors.
   */
  handle(request: S3Request, body: Readable, authorize: (permission: Permission) => void): Promise<S3Response>;
  stop(): Promise<void>;
}

export interface S3Options {
  readonly resources: readonly Resource[];
  readonly place: Place;
  /** Where objects are kept; without it they are gone when the engine stops. */
  readonly directory?: string | undefined;
  /** Called after an object became visible and before its writer is answered. */
  readonly onObjectCreated?: (object: ObjectCreated) => void | Promise<void>;
  readonly now?: () => Date;
}

/** S3 allows so many keys in one DeleteObjects, and so many bytes in one key. */
const keysDeletedMax = 1_000;
const keyBytesMax = 1_024;

type Operation = (
  request: S3Request,
  body: Readable,
  authorize: (permission: Permission) => void,
) => S3Response | Promise<S3Response>;

/**
 * Starts an S3 with the template's buckets. Requests it does not know are refused. Buckets with Object Lock keep their
 * versions and refuse to delete one before the bucket's default retention is over; the retention and the legal hold of
 * single objects are not imitated (whoever asks for them is refused), and buckets that are versioned without Object Lock keep
 * no versions here. Bucket policies are not enforced.
 * @throws DirectoryInUse when another cloud has the directory.
 */
export async function startS3(options: S3Options): Promise<S3Engine> {
  const { resources, place, directory, onObjectCreated, now = () => new Date() } = options;
  const home = directory === undefined ? await mkdtemp(join(tmpdir(), 's3-')) : join(directory, 's3');
  const lock = lockDirectory(home);
  const store = openObjectStore(home);
  const buckets = resources.filter(({ type }) => type === 'AWS::S3::Bucket').map(({ physicalId }) => physicalId);
  const locks = locksOf(resources, store);
  let sequence = 0;

  async function create(
    request: S3Request,
    content: Pick<StoredObject, 'file' | 'size' | 'etag' | 'headers'>,
    eventName: string,
  ): Promise<StoredObject> {
    const at = now();
    const object = { ...content, bucket: request.bucket, key: request.key, modifiedAt: at.getTime() };
    let version: string | undefined;
    try {
      version = locks.put(object, at, writeConditions(request));
    } catch (error) {
      store.discard(object.file);
      throw error;
    }
    sequence += 1;
    const sequencer = (BigInt(at.getTime()) * 0x10000n + BigInt(sequence % 0x10000)).toString(16).toUpperCase();
    await onObjectCreated?.({ ...object, eventName, sequencer: sequencer.padStart(16, '0'), at });
    return { ...object, ...(version !== undefined && { version }) };
  }

  const operations: Record<S3Operation, Operation> = {
    ListBuckets: () =>
      xml('ListAllMyBucketsResult', {
        Owner: { ID: place.accountId },
        Buckets: { Bucket: buckets.map((name) => ({ Name: name, CreationDate: new Date(0).toISOString() })) },
      }),
    HeadBucket: () => ({ status: 200, headers: { 'x-amz-bucket-region': place.region } }),
    ListObjectsV2: (request) => listObjects(store, request),
    ListObjectVersions: (request) => listVersions(store, request),
    GetObject: (request) => readObject(store, request),
    HeadObject: (request) => readObject(store, request),

    async PutObject(request, body) {
      // A condition that fails already need not wait for the body; it is asked for again when the object is made.
      writeConditions(request)(store.find(request.bucket, request.key));
      locks.assertChecked(request);
      const received = await receiveBody(body, store.newFile(), request.headers);
      const headers = { ...headersToKeep(request.headers), ...received.checksums };
      const made = await create(request, { ...received, etag: received.md5, headers }, 'ObjectCreated:Put');
      return { status: 200, headers: { etag: `"${made.etag}"`, ...received.checksums, ...versionHeader(made) } };
    },

    async CopyObject(request) {
      const { bucket, key } = request.copySource ?? { bucket: '', key: '' };
      assertBucket(bucket);
      const source = store.find(bucket, key);
      if (source === undefined) throw noSuchKey(key);
      const body = readObject(store, { ...request, operation: 'GetObject', bucket, key, headers: {} }).body ?? [];
      const received = await receiveBody(body as AsyncIterable<Buffer>, store.newFile(), {});
      const replaced = request.headers['x-amz-metadata-directive'] === 'REPLACE';
      const headers = replaced ? headersToKeep(request.headers) : source.headers;
      const copy = await create(request, { ...received, etag: received.md5, headers }, 'ObjectCreated:Copy');
      const LastModified = new Date(copy.modifiedAt).toISOString();
      return xml('CopyObjectResult', { LastModified, ETag: `"${copy.etag}"` });
    },

    DeleteObject: (request) => ({ status: 204, headers: locks.remove(request, bypassesGovernance(request), now()) }),

    async DeleteObjects({ bucket, headers }, body, authorize) {
      const request = await text(body);
      const objects = readElements(request, 'Object').map(({ Key = '', VersionId }) => ({ Key, VersionId }));
      if (objects.length === 0 || objects.length > keysDeletedMax) {
        throw new AwsError('MalformedXML', `DeleteObjects takes 1 to ${keysDeletedMax} keys, not ${objects.length}.`);
      }
      const quiet = /<Quiet>true<\/Quiet>/i.test(request);
      const bypasses = bypassesGovernance({ headers });
      const deleted: XmlElements[] = [];
      const errors: XmlElements[] = [];
      for (const { Key, VersionId } of objects) {
        const named = VersionId === undefined ? { Key } : { Key, VersionId };
        const object = { bucket, key: Key, ...(VersionId !== undefined && { version: VersionId }) };
        try {
          for (const needed of deletePermissions(bucket, Key, VersionId, bypasses)) authorize(needed);
          locks.remove(object, bypasses, now());
          deleted.push(named);
        } catch (error) {
          errors.push({ ...named, Code: 'AccessDenied', Message: error instanceof Error ? error.message : '' });
        }
      }
      return xml('DeleteResult', { Deleted: quiet ? [] : deleted, Error: errors });
    },

    CreateMultipartUpload(request) {
      const { bucket, key, id } = createUpload(store, request);
      return xml('InitiateMultipartUploadResult', { Bucket: bucket, Key: key, UploadId: id });
    },

    async UploadPart(request, body) {
      const { md5, checksums } = await receivePart(store, request, body);
      return { status: 200, headers: { etag: `"${md5}"`, ...checksums } };
    },

    async CompleteMultipartUpload(request, body) {
      const content = await joinParts(store, request, await text(body));
      const made = await create(request, content, 'ObjectCreated:CompleteMultipartUpload');
      store.removeUpload(request.query.get('uploadId') ?? '');
      const { bucket, key, etag } = made;
      const answer = xml('CompleteMultipartUploadResult', { Bucket: bucket, Key: key, ETag: `"${etag}"` });
      return { ...answer, headers: { ...answer.headers, ...versionHeader(made) } };
    },

    AbortMultipartUpload(request) {
      store.removeUpload(findUpload(store, request).id);
      return { status: 204, headers: {} };
    },
  };

  function assertBucket(bucket: string): void {
    if (buckets.includes(bucket)) return;
    throw new AwsError('NoSuchBucket', `The specified bucket does not exist: ${bucket}`, 404);
  }

  return {
    async handle(request, body, authorize) {
      if (request.operation !== 'ListBuckets') assertBucket(request.bucket);
      if (Buffer.byteLength(request.key) > keyBytesMax) {
        throw new AwsError('KeyTooLongError', `Your key is too long: it may have ${keyBytesMax} bytes.`);
      }
      locks.assertKeepsVersions(request);
      return await operations[request.operation](request, body, authorize);
    },
    async stop() {
      store.close();
      lock.release();
      if (directory === undefined) await rm(home, { recursive: true, force: true });
    },
  };
}

function versionHeader({ version }: StoredObject): Record<string, string> {
  return version === undefined ? {} : { 'x-amz-version-id': version };
}

function xml(root: string, content: XmlElements): S3Response {
  return { status: 200, headers: { 'content-type': 'application/xml' }, body: writeXml(root, content) };
}
