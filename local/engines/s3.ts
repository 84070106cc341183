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
import { headersToKeep, noSuchKey, readObject, type S3Response, writeConditions } from './s3/objects.ts';
import type { S3Operation, S3Request } from './s3/requests.ts';
import { openObjectStore, type StoredObject } from './s3/store.ts';
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
 * Starts an S3 with the template's buckets. Versions are not kept; requests it does not know are refused.
 * @throws DirectoryInUse when another cloud has the directory.
 */
export async function startS3(options: S3Options): Promise<S3Engine> {
  const { resources, place, directory, onObjectCreated, now = () => new Date() } = options;
  const home = directory === undefined ? await mkdtemp(join(tmpdir(), 's3-')) : join(directory, 's3');
  const lock = lockDirectory(home);
  const store = openObjectStore(home);
  const buckets = resources.filter(({ type }) => type === 'AWS::S3::Bucket').map(({ physicalId }) => physicalId);
  let sequence = 0;

  async function create(
    request: S3Request,
    content: Pick<StoredObject, 'file' | 'size' | 'etag' | 'headers'>,
    eventName: string,
  ): Promise<StoredObject> {
    const at = now();
    const object = { ...content, bucket: request.bucket, key: request.key, modifiedAt: at.getTime() };
    try {
      store.put(object, writeConditions(request));
    } catch (error) {
      store.discard(object.file);
      throw error;
    }
    sequence += 1;
    const sequencer = (BigInt(at.getTime()) * 0x10000n + BigInt(sequence % 0x10000)).toString(16).toUpperCase();
    await onObjectCreated?.({ ...object, eventName, sequencer: sequencer.padStart(16, '0'), at });
    return object;
  }

  const operations: Record<S3Operation, Operation> = {
    ListBuckets: () =>
      xml('ListAllMyBucketsResult', {
        Owner: { ID: place.accountId },
        Buckets: { Bucket: buckets.map((name) => ({ Name: name, CreationDate: new Date(0).toISOString() })) },
      }),
    HeadBucket: () => ({ status: 200, headers: { 'x-amz-bucket-region': place.region } }),
    ListObjectsV2: (request) => listObjects(store, request),
    GetObject: (request) => readObject(store, request),
    HeadObject: (request) => readObject(store, request),

    async PutObject(request, body) {
      // A condition that fails already need not wait for the body; it is asked for again when the object is made.
      writeConditions(request)(store.find(request.bucket, request.key));
      const received = await receiveBody(body, store.newFile(), request.headers);
      const headers = { ...headersToKeep(request.headers), ...received.checksums };
      const { etag } = await create(request, { ...received, etag: received.md5, headers }, 'ObjectCreated:Put');
      return { status: 200, headers: { etag: `"${etag}"`, ...received.checksums } };
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

    DeleteObject({ bucket, key }) {
      store.remove(bucket, key);
      return { status: 204, headers: {} };
    },

    async DeleteObjects({ bucket }, body, authorize) {
      const request = await text(body);
      const keys = readElements(request, 'Object').map(({ Key = '' }) => Key);
      if (keys.length === 0 || keys.length > keysDeletedMax) {
        throw new AwsError('MalformedXML', `DeleteObjects takes 1 to ${keysDeletedMax} keys, not ${keys.length}.`);
      }
      const quiet = /<Quiet>true<\/Quiet>/i.test(request);
      const deleted: XmlElements[] = [];
      const errors: XmlElements[] = [];
      for (const Key of keys) {
        try {
          authorize({ action: 's3:DeleteObject', resourceArn: `arn:aws:s3:::${bucket}/${Key}` });
          store.remove(bucket, Key);
          deleted.push({ Key });
        } catch (error) {
          errors.push({ Key, Code: 'AccessDenied', Message: error instanceof Error ? error.message : '' });
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
      const { bucket, key, etag } = await create(request, content, 'ObjectCreated:CompleteMultipartUpload');
      store.removeUpload(request.query.get('uploadId') ?? '');
      return xml('CompleteMultipartUploadResult', { Bucket: bucket, Key: key, ETag: `"${etag}"` });
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
      return await operations[request.operation](request, body, authorize);
    },
    async stop() {
      store.close();
      lock.release();
      if (directory === undefined) await rm(home, { recursive: true, force: true });
    },
  };
}

function xml(root: string, content: XmlElements): S3Response {
  return { status: 200, headers: { 'content-type': 'application/xml' }, body: writeXml(root, content) };
}
