import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectTaggingCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterEach, expect, test } from 'vitest';
import { administrator, createAccessControl } from '../../../local/access.ts';
import { startEndpoint } from '../../../local/endpoint.ts';
import type { ObjectCreated } from '../../../local/engines/s3/notifications.ts';
import { type S3Engine, type S3Options, startS3 } from '../../../local/engines/s3.ts';
import type { Resource } from '../../../local/resources.ts';

const place = { accountId: '000000000000', region: 'us-east-1' };
const Bucket = 'reports';
const resources: Resource[] = [
  { stack: 'Test', logicalId: 'B', type: 'AWS::S3::Bucket', properties: {}, physicalId: Bucket, arn: '' },
];
const partBytes = 5 * 1024 * 1024;

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** An S3 client on an engine of its own, whose other services answer nothing. */
async function boot(options: Partial<S3Options> = {}) {
  const s3 = await startS3({ resources, place, ...options });
  const access = createAccessControl([], place, { enforce: true });
  const sqs = { handle: async () => ({}), stop: async () => {} };
  const states = { handle: async () => ({}) };
  const invoke = async () => ({ payload: '' });
  const endpoint = await startEndpoint({ place, access, dynamoDbUrl: 'http://127.0.0.1:1', s3, sqs, states, invoke });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= endpoint.stop().then(() => s3.stop());
    return stopped;
  };
  cleanups.push(stop);
  const credentials = access.credentialsOf(administrator);
  const client = new S3Client({ endpoint: endpoint.url, region: place.region, credentials });
  const put = (Key: string, Body: PutObjectCommandInput['Body'] = 'x', more: Partial<PutObjectCommandInput> = {}) =>
    client.send(new PutObjectCommand({ Bucket, Key, Body, ...more }));
  const read = async (Key: string) => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
    return await Body?.transformToString();
  };
  return { client, put, read, stop, url: endpoint.url };
}

test('gives back what was put, with its metadata', async () => {
  const { client, put } = await boot();
  const { ETag } = await put('a/b c+d&ü.json', '{"n":1}', {
    ContentType: 'application/json',
    ContentEncoding: 'identity',
    ContentDisposition: 'attachment',
    Metadata: { run: '7' },
  });
  const got = await client.send(new GetObjectCommand({ Bucket, Key: 'a/b c+d&ü.json' }));
  expect(await got.Body?.transformToString()).toBe('{"n":1}');
  expect(got).toMatchObject({
    ETag,
    ContentLength: 7,
    ContentType: 'application/json',
    ContentEncoding: 'identity',
    ContentDisposition: 'attachment',
    Metadata: { run: '7' },
  });
  const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'a/b c+d&ü.json' }));
  expect(head).toMatchObject({ ETag, ContentLength: 7, Metadata: { run: '7' } });
});

test('takes streamed bodies and empty ones', async () => {
  const { put, read, client } = await boot();
  const pieces = Array.from({ length: 300 }, (_, n) => Buffer.alloc(1_000, n));
  await put('streamed', Readable.from(pieces), { ContentLength: 300_000 });
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: 'streamed' }));
  expect(Buffer.concat(pieces).equals((await Body?.transformToByteArray()) ?? Buffer.alloc(0))).toBe(true);
  await put('empty', '');
  expect(await read('empty')).toBe('');
});

test('reads ranges', async () => {
  const { client, put } = await boot();
  await put('digits', '0123456789');
  const read = async (Range: string) => {
    const { Body, ContentRange } = await client.send(new GetObjectCommand({ Bucket, Key: 'digits', Range }));
    return [await Body?.transformToString(), ContentRange];
  };
  expect(await read('bytes=2-4')).toEqual(['234', 'bytes 2-4/10']);
  expect(await read('bytes=7-')).toEqual(['789', 'bytes 7-9/10']);
  expect(await read('bytes=-2')).toEqual(['89', 'bytes 8-9/10']);
  await expect(read('bytes=10-')).rejects.toMatchObject({ name: 'InvalidRange' });
});

test('lets one of many writers create an object', async () => {
  const { put, read } = await boot();
  const writers = Array.from({ length: 20 }, (_, n) => put('once', `writer ${n}`, { IfNoneMatch: '*' }));
  const outcomes = await Promise.allSettled(writers);
  const winners = outcomes.flatMap(({ status }, n) => (status === 'fulfilled' ? [n] : []));
  expect(winners).toHaveLength(1);
  expect(await read('once')).toBe(`writer ${winners[0]}`);
  await expect(put('once', 'late', { IfNoneMatch: '*' })).rejects.toMatchObject({
    name: 'PreconditionFailed',
    $metadata: { httpStatusCode: 412 },
  });
});

test('replaces an object only if it is still the one that was read', async () => {
  const { put, read } = await boot();
  const { ETag = '' } = await put('state', 'one');
  await put('state', 'two', { IfMatch: ETag });
  await expect(put('state', 'three', { IfMatch: ETag })).rejects.toMatchObject({ name: 'PreconditionFailed' });
  await expect(put('missing', 'x', { IfMatch: ETag })).rejects.toMatchObject({ name: 'NoSuchKey' });
  expect(await read('state')).toBe('two');
});

test('answers conditional reads', async () => {
  const { client, put } = await boot();
  const { ETag = '' } = await put('a', 'one');
  const get = (more: object) => client.send(new GetObjectCommand({ Bucket, Key: 'a', ...more }));
  await expect(get({ IfNoneMatch: ETag })).rejects.toMatchObject({ $metadata: { httpStatusCode: 304 } });
  await expect(get({ IfMatch: '"other"' })).rejects.toMatchObject({ name: 'PreconditionFailed' });
});

test('a reader gets the whole of the object that it began to read', async () => {
  const { client, put } = await boot();
  const old = 'o'.repeat(3_000_000);
  await put('a', old);
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: 'a' }));
  await put('a', 'new');
  expect(await Body?.transformToString()).toBe(old);
});

test('refuses a body that is not what its checksum says, and keeps the object', async () => {
  const { put, read } = await boot();
  await put('a', 'good');
  await expect(put('a', 'bad', { ChecksumCRC32: 'AAAAAA==' })).rejects.toMatchObject({ name: 'BadDigest' });
  await expect(put('a', 'bad', { ContentMD5: '1B2M2Y8AsgTpgAmY7PhCfg==' })).rejects.toMatchObject({
    name: 'BadDigest',
  });
  expect(await read('a')).toBe('good');
});

test('refuses a presigned put that was signed with the checksum of no body', async () => {
  const { client } = await boot();
  const url = await getSignedUrl(client, new PutObjectCommand({ Bucket, Key: 'a' }), { expiresIn: 60 });
  const answer = await fetch(url, { method: 'PUT', body: 'content' });
  expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('BadDigest')]);
});

test('lists in the order of bytes, by prefix and delimiter, page by page', async () => {
  const { client, put } = await boot();
  const keys = ['a/1', 'a/2', 'a/b/3', 'a/b/4', 'a/ü', 'a/￿', 'a/😀', 'b/1', 'top & <tail>'];
  for (const key of keys) await put(key);
  const list = async (more: object) => {
    const entries: (string | undefined)[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await client.send(new ListObjectsV2Command({ Bucket, ContinuationToken, ...more }));
      entries.push(...(page.Contents ?? []).map(({ Key }) => Key));
      entries.push(...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix));
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
    return entries;
  };
  expect(await list({})).toEqual(keys);
  expect(await list({ MaxKeys: 2 })).toEqual(keys);
  expect(await list({ Prefix: 'a/b' })).toEqual(['a/b/3', 'a/b/4']);
  expect(await list({ Delimiter: '/' })).toEqual(['top & <tail>', 'a/', 'b/']);
  expect(await list({ Delimiter: '/', MaxKeys: 1 })).toEqual(['a/', 'b/', 'top & <tail>']);
  expect(await list({ Prefix: 'a/', Delimiter: '/' })).toEqual(['a/1', 'a/2', 'a/ü', 'a/￿', 'a/😀', 'a/b/']);
  expect(await list({ StartAfter: 'a/b/3', EncodingType: 'url', MaxKeys: 2 })).toContain('top%20%26%20%3Ctail%3E');
});

test('deletes one object or many', async () => {
  const { client, put, read } = await boot();
  for (const key of ['a', 'b & c', 'd']) await put(key);
  await client.send(new DeleteObjectCommand({ Bucket, Key: 'a' }));
  const Objects = ['b & c', 'never there'].map((Key) => ({ Key }));
  const { Deleted } = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  expect(Deleted).toEqual(Objects);
  expect(await read('d')).toBe('x');
  for (const key of ['a', 'b & c']) await expect(read(key)).rejects.toMatchObject({ name: 'NoSuchKey' });
});

test('copies an object with its metadata or with other metadata', async () => {
  const { client, put, read } = await boot();
  await put('from here', 'content', { Metadata: { kept: 'yes' } });
  const copy = { Bucket, CopySource: `${Bucket}/from%20here` };
  await client.send(new CopyObjectCommand({ ...copy, Key: 'same' }));
  await client.send(
    new CopyObjectCommand({ ...copy, Key: 'other', MetadataDirective: 'REPLACE', Metadata: { kept: 'no' } }),
  );
  expect(await read('same')).toBe('content');
  const metadata = async (Key: string) => (await client.send(new HeadObjectCommand({ Bucket, Key }))).Metadata;
  expect([await metadata('same'), await metadata('other')]).toEqual([{ kept: 'yes' }, { kept: 'no' }]);
});

test('joins the parts of an upload', async () => {
  const { client, read } = await boot();
  const content = `${'p'.repeat(partBytes)}${'q'.repeat(partBytes)}tail`;
  const upload = new Upload({ client, params: { Bucket, Key: 'big', Body: content, Metadata: { run: '7' } } });
  const { ETag } = await upload.done();
  expect(ETag).toMatch(/^"[\da-f]{32}-3"$/);
  expect((await read('big')) === content).toBe(true);
  const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'big' }));
  expect(head).toMatchObject({ ETag, ContentLength: content.length, Metadata: { run: '7' } });
});

test('refuses small parts, unknown parts and uploads that are over', async () => {
  const { client } = await boot();
  const { UploadId = '' } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'big' }));
  const upload = { Bucket, Key: 'big', UploadId };
  const send = async (PartNumber: number) => {
    const { ETag } = await client.send(new UploadPartCommand({ ...upload, PartNumber, Body: `part ${PartNumber}` }));
    return { PartNumber, ETag };
  };
  const complete = (...Parts: object[]) =>
    client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
  const [one, two] = [await send(1), await send(2)];
  await expect(complete(one, two)).rejects.toMatchObject({ name: 'EntityTooSmall' });
  await expect(complete(two, one)).rejects.toMatchObject({ name: 'InvalidPartOrder' });
  await expect(complete({ ...one, ETag: '"0"' })).rejects.toMatchObject({ name: 'InvalidPart' });
  await client.send(new AbortMultipartUploadCommand(upload));
  await expect(complete(one)).rejects.toMatchObject({ name: 'NoSuchUpload' });
});

test('refuses what it does not implement instead of overwriting the object', async () => {
  const { client, put, read, url } = await boot();
  await put('a', 'content');
  const refused = { name: 'NotImplemented', $metadata: { httpStatusCode: 501 } };
  const tagging = { Bucket, Key: 'a', Tagging: { TagSet: [{ Key: 'k', Value: 'v' }] } };
  await expect(client.send(new PutObjectTaggingCommand(tagging))).rejects.toMatchObject(refused);
  await expect(client.send(new GetObjectTaggingCommand({ Bucket, Key: 'a' }))).rejects.toMatchObject(refused);
  await expect(put('a', 'x', { ObjectLockMode: 'COMPLIANCE' })).rejects.toMatchObject(refused);
  expect(await read('a')).toBe('content');
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
});

test('has the buckets of the template and no others', async () => {
  const { client } = await boot();
  await expect(client.send(new ListObjectsV2Command({ Bucket: 'elsewhere' }))).rejects.toMatchObject({
    name: 'NoSuchBucket',
    $metadata: { httpStatusCode: 404 },
  });
});

test('tells of created objects, and only of those', async () => {
  const created: ObjectCreated[] = [];
  const { client, put } = await boot({ onObjectCreated: (object) => void created.push(object) });
  const { ETag } = await put('imports/a b.csv', 'content');
  await expect(put('imports/a b.csv', 'again', { IfNoneMatch: '*' })).rejects.toThrow();
  await client.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/imports/a%20b.csv` }));
  expect(created).toMatchObject([
    { bucket: Bucket, key: 'imports/a b.csv', size: 7, eventName: 'ObjectCreated:Put' },
    { key: 'copy', eventName: 'ObjectCreated:Copy' },
  ]);
  expect(`"${created[0]?.etag}"`).toBe(ETag);
});

test('keeps objects and unfinished uploads in its directory, for one cloud at a time', async () => {
  const directory = await mkdtemp(join(tmpdir(), 's3-test-'));
  cleanups.push(() => rm(directory, { recursive: true }));
  const before = await boot({ directory });
  await before.put('kept', 'content');
  const { UploadId } = await before.client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'big' }));
  const part = { Bucket, Key: 'big', UploadId, PartNumber: 1 };
  const { ETag } = await before.client.send(new UploadPartCommand({ ...part, Body: 'only part' }));
  const second: Promise<S3Engine> = startS3({ resources, place, directory });
  await expect(second).rejects.toMatchObject({ name: 'DirectoryInUse' });
  await before.stop();

  const after = await boot({ directory });
  expect(await after.read('kept')).toBe('content');
  await after.client.send(
    new CompleteMultipartUploadCommand({ ...part, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } }),
  );
  expect(await after.read('big')).toBe('only part');
});
