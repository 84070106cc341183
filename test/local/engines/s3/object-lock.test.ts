import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterEach, expect, test } from 'vitest';
import { administrator, createAccessControl } from '../../../../local/access.ts';
import { startEndpoint } from '../../../../local/endpoint.ts';
import { startS3 } from '../../../../local/engines/s3.ts';
import type { Resource } from '../../../../local/resources.ts';

const place = { accountId: '000000000000', region: 'us-east-1' };
const Bucket = 'seals';
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A bucket whose lock is for two days, at a time that the test sets. */
async function boot(Mode: 'GOVERNANCE' | 'COMPLIANCE' = 'COMPLIANCE', directory?: string) {
  const clock = { at: new Date('2026-11-20T00:00:00Z') };
  const properties = {
    ObjectLockEnabled: true,
    ObjectLockConfiguration: { Rule: { DefaultRetention: { Mode, Days: 2 } } },
  };
  const resources: Resource[] = [
    { stack: 'T', logicalId: 'B', type: 'AWS::S3::Bucket', properties, physicalId: Bucket, arn: '' },
    { stack: 'T', logicalId: 'P', type: 'AWS::S3::Bucket', properties: {}, physicalId: 'plain', arn: '' },
  ];
  const s3 = await startS3({ resources, place, directory, now: () => clock.at });
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
  const settings = { endpoint: endpoint.url, region: place.region, credentials: access.credentialsOf(administrator) };
  const client = new S3Client({ ...settings, forcePathStyle: true });
  const read = async (Key: string, VersionId?: string) => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key, VersionId }));
    return Body?.transformToString();
  };
  return {
    client,
    clock,
    stop,
    read,
    settings,
    put: async (Key: string, Body: string) =>
      (await client.send(new PutObjectCommand({ Bucket, Key, Body }))).VersionId,
    remove: (Key: string, VersionId?: string, more = {}) =>
      client.send(new DeleteObjectCommand({ Bucket, Key, VersionId, ...more })),
    versions: (more = {}) => client.send(new ListObjectVersionsCommand({ Bucket, ...more })),
  };
}

test('a locked version is neither deleted nor lost by what is written over it', async () => {
  const { put, remove, read } = await boot();
  const first = await put('a', 'first');
  const second = await put('a', 'second');
  expect([await read('a'), await read('a', first)]).toEqual(['second', 'first']);
  const denied = { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } };
  await expect(remove('a', first)).rejects.toMatchObject(denied);
  await expect(remove('a', second, { BypassGovernanceRetention: true })).rejects.toMatchObject(denied);
  expect([await read('a'), await read('a', first)]).toEqual(['second', 'first']);
});

test('a delete hides the object behind a marker, which can be taken away again', async () => {
  const { client, put, remove, read, versions } = await boot();
  const version = await put('a', 'kept');
  const hidden = await remove('a');
  expect(hidden).toMatchObject({ DeleteMarker: true, VersionId: expect.any(String) });
  await expect(read('a')).rejects.toMatchObject({ name: 'NoSuchKey' });
  await expect(read('a', hidden.VersionId)).rejects.toMatchObject({ $metadata: { httpStatusCode: 405 } });
  await expect(read('a', 'unknown')).rejects.toMatchObject({ name: 'NoSuchVersion' });
  expect(await read('a', version)).toBe('kept');
  expect((await client.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);
  expect(await versions()).toMatchObject({
    Versions: [{ Key: 'a', VersionId: version, IsLatest: false, Size: 4 }],
    DeleteMarkers: [{ Key: 'a', VersionId: hidden.VersionId, IsLatest: true }],
  });
  await remove('a', hidden.VersionId);
  expect(await read('a')).toBe('kept');
  expect(await client.send(new HeadObjectCommand({ Bucket, Key: 'a' }))).toMatchObject({ VersionId: version });
});

test('a version may be deleted when its time is over, and the one before it shows again', async () => {
  const { clock, put, remove, read } = await boot();
  const first = await put('a', 'first');
  clock.at = new Date('2026-11-21T00:00:00Z');
  const second = await put('a', 'second');
  clock.at = new Date('2026-11-22T00:00:01Z');
  await expect(remove('a', second)).rejects.toMatchObject({ name: 'AccessDenied' });
  await remove('a', first);
  clock.at = new Date('2026-11-23T00:00:01Z');
  const third = await put('a', 'third');
  await remove('a', second);
  expect(await read('a')).toBe('third');
  clock.at = new Date('2026-11-25T00:00:01Z');
  await remove('a', third);
  await expect(read('a')).rejects.toMatchObject({ name: 'NoSuchKey' });
});

test('governance, other than compliance, can be lifted by who says so', async () => {
  const { client, put, remove, read } = await boot('GOVERNANCE');
  const version = await put('a', 'first');
  await expect(remove('a', version)).rejects.toMatchObject({ name: 'AccessDenied' });
  const Delete = { Objects: [{ Key: 'a', VersionId: version }] };
  const { Errors } = await client.send(new DeleteObjectsCommand({ Bucket, Delete }));
  expect(Errors).toMatchObject([{ Key: 'a', VersionId: version, Code: 'AccessDenied' }]);
  await client.send(new DeleteObjectsCommand({ Bucket, Delete, BypassGovernanceRetention: true }));
  await expect(read('a')).rejects.toMatchObject({ name: 'NoSuchKey' });
});

test('versions are listed page by page, newest first of each key', async () => {
  const { put, versions } = await boot();
  const made: (string | undefined)[][] = [];
  for (const Key of ['a/1', 'a/2', 'b']) {
    for (const body of ['one', 'two', 'three']) made.push([Key, await put(Key, body)]);
  }
  const expected = ['a/1', 'a/2', 'b'].flatMap((key) => made.filter(([name]) => name === key).reverse());
  const list = async (more: object) => {
    const found: (string | undefined)[][] = [];
    for (let page = await versions(more); ; ) {
      found.push(...(page.Versions ?? []).map(({ Key, VersionId }) => [Key, VersionId]));
      if (!page.IsTruncated) return found;
      const { NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = page;
      page = await versions({ ...more, KeyMarker, VersionIdMarker });
    }
  };
  expect(await list({})).toEqual(expected);
  expect(await list({ MaxKeys: 2 })).toEqual(expected);
  expect(await list({ MaxKeys: 1, Prefix: 'a/2' })).toEqual(expected.slice(3, 6));
  expect(await list({ KeyMarker: 'a/2' })).toEqual(expected.slice(6));
});

test('what has no checksum is refused, as it cannot be locked', async () => {
  const { settings } = await boot();
  const client = new S3Client({ ...settings, forcePathStyle: true, requestChecksumCalculation: 'WHEN_REQUIRED' });
  const put = (Name: string) => client.send(new PutObjectCommand({ Bucket: Name, Key: 'a', Body: 'x' }));
  await expect(put(Bucket)).rejects.toMatchObject({ name: 'InvalidRequest' });
  await put('plain');
});

test('a bucket without Object Lock keeps no versions, and says so', async () => {
  const { client } = await boot();
  await client.send(new PutObjectCommand({ Bucket: 'plain', Key: 'a', Body: 'x' }));
  const refused = { name: 'NotImplemented', $metadata: { httpStatusCode: 501 } };
  const version = { Bucket: 'plain', Key: 'a', VersionId: 'v' };
  await expect(client.send(new DeleteObjectCommand(version))).rejects.toMatchObject(refused);
  await expect(client.send(new GetObjectCommand(version))).rejects.toMatchObject(refused);
  await expect(client.send(new ListObjectVersionsCommand({ Bucket: 'plain' }))).rejects.toMatchObject(refused);
});

test('versions and their locks outlive the engine', async () => {
  const directory = await mkdtemp(join(tmpdir(), 's3-lock-test-'));
  cleanups.push(() => rm(directory, { recursive: true }));
  const before = await boot('COMPLIANCE', directory);
  const version = await before.put('a', 'first');
  await before.put('a', 'second');
  await before.stop();
  const after = await boot('COMPLIANCE', directory);
  expect([await after.read('a'), await after.read('a', version)]).toEqual(['second', 'first']);
  await expect(after.remove('a', version)).rejects.toMatchObject({ name: 'AccessDenied' });
});
