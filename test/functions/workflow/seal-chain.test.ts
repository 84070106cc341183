import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { DeleteObjectCommand, ListObjectVersionsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { nextLink } from '../../../domain/seals/chain.ts';
import { olderMonthToVerify } from '../../../domain/seals/slices.ts';
import { daysOf } from '../../../domain/time.ts';
import { metrics } from '../../../functions/runtime/metrics.ts';
import { getText } from '../../../store/artifacts.ts';
import { sha256 } from '../../../store/audit.ts';
import { toItem } from '../../../store/items.ts';
import { appendLink, putContents } from '../../../store/seal-bucket.ts';
import { getSealRun } from '../../../store/seal-runs.ts';
import { SEALS_PARTITION, sequenceText } from '../../../store/tables.ts';
import { startBooks, type TestBooks } from '../../support/books.ts';
import { startSealBuckets, type TestSealBuckets } from '../../support/seal-buckets.ts';
import { sealingOn } from '../../support/sealing.ts';

/** What is done to the chain of seals, in the bucket and in the table, and what a verification says of it. */

let tables: TestBooks;
let buckets: TestSealBuckets;
let sealing: ReturnType<typeof sealingOn>;

/** What each test begins with: a chain of three seals, one for each of three days. */
let sealed: string;
let directory: string;

beforeAll(async () => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  sealed = await mkdtemp(join(tmpdir(), 'sealed-'));
  await start(sealed);
  for (const day of [17, 18, 19]) await sealing.seal(`seal-${day}`, `2026-11-${day}`);
  await stop();
});
afterAll(() => rm(sealed, { recursive: true }));
beforeEach(async () => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  directory = await mkdtemp(join(tmpdir(), 'seal-chain-'));
  await cp(sealed, directory, { recursive: true });
  await start(directory);
});
afterEach(async () => {
  await stop();
  await rm(directory, { recursive: true });
});

async function start(at: string): Promise<void> {
  [tables, buckets] = await Promise.all([startBooks({ directory: at }), startSealBuckets(at)]);
  sealing = sealingOn(tables, buckets, () => '2026-11-20T04:00:00.000Z');
}

async function stop(): Promise<void> {
  await Promise.all([tables.stop(), buckets.stop()]);
}

const object = (sequence: number) => ({ Bucket: 'seals', Key: `seals/chain/${sequenceText(sequence)}.json` });
const hide = (sequence: number) => buckets.seals.client.send(new DeleteObjectCommand(object(sequence)));
/** Deletes every version, which takes a permission beyond any that the service has. */
const destroy = async (sequence: number) => {
  const { client } = buckets.seals;
  const found = await client.send(new ListObjectVersionsCommand({ Bucket: 'seals', Prefix: object(sequence).Key }));
  for (const { VersionId } of found.Versions ?? []) {
    const version = { ...object(sequence), VersionId };
    await client.send(new DeleteObjectCommand({ ...version, BypassGovernanceRetention: true }));
  }
};
const overwrite = (sequence: number, body: string) =>
  buckets.seals.client.send(new PutObjectCommand({ ...object(sequence), Body: body }));
const listed = (sequence: number) => ({
  TableName: tables.operationsTable,
  Key: toItem({ pk: SEALS_PARTITION, sk: sequenceText(sequence) }),
});
const unlist = (sequence: number) => tables.client.send(new DeleteItemCommand(listed(sequence)));
const faults = async (day = 19) => {
  const { verdict, shownFaults } = await sealing.verify(`verify-${day}`, `2026-11-${day}`);
  expect(verdict).toBe(shownFaults.length > 0 ? 'broken' : 'intact');
  return shownFaults.map(({ kind, sequence }) => `${kind} ${sequence}`);
};

it('is verified every week with an older month, which is counted for the alarm on silence', async () => {
  await sealing.seal('old', '2026-08-30', '2026-08-31', '2026-09-01');
  const counted = vi.spyOn(metrics, 'addMetric');
  const weekly = () => counted.mock.calls.filter(([name]) => name === 'weekly_seal_verification_completed');
  await sealing.verify('asked-for', '2026-11-19');
  expect(weekly()).toHaveLength(0);

  const input = { trigger: 'weekly', scheduledTime: '2026-11-23T05:00:00Z' };
  const planned = await sealing.functions.plan({ input, execution: 'e' });
  if (!planned.claimed) throw new Error('It was not claimed.');
  const { days, slicesKey } = planned.run;
  expect(days.slice(-35)).toEqual(daysOf({ start: '2026-10-19', end: '2026-11-23' }));
  expect(days.slice(0, -35)).toEqual(olderMonthToVerify('2026-11-23', '2026-08-30'));
  const Items = JSON.parse(await getText(buckets.artifacts, slicesKey));
  await sealing.functions.slice({ BatchInput: { run: planned.run }, Items });
  await sealing.functions.close({ run: planned.run });
  expect(weekly()).toHaveLength(1);
});

it('has no fault while nobody touches it', async () => {
  expect(await faults()).toEqual([]);
});

it('is told where its tail was cut out of the bucket', async () => {
  await destroy(3);
  expect(await faults(18)).toEqual(['cut 3']);
});

it('goes on behind a tail that was cut, so that the gap stays to be seen', async () => {
  await destroy(3);
  await sealing.seal('later', '2026-11-19');
  expect((await sealing.chain()).map(({ sequence }) => sequence)).toEqual([1, 2, 4]);
  expect(await faults()).toEqual(['removed 3']);
});

it('is told where its tail was deleted, and holds all the same because the lock has kept it', async () => {
  await hide(3);
  expect(await faults()).toEqual(['hidden 3']);
});

it('is told where a link was cut out of its middle', async () => {
  await destroy(2);
  expect(await faults()).toEqual(['removed 2']);
});

it('is told where a link was written over, and goes by the first version', async () => {
  await overwrite(2, 'forged');
  expect(await faults(18)).toEqual(['overwritten 2']);
});

it('is told where a link was replaced altogether', async () => {
  const link = (await sealing.chain())[1]?.link;
  await destroy(2);
  await overwrite(2, JSON.stringify({ ...link, entries: 7 }));
  expect(await faults()).toEqual(['edited 2']);
  await destroy(2);
  await overwrite(2, 'forged');
  await sealing.verify('unreadable', '2026-11-19');
  expect((await getSealRun(tables, { mode: 'verify', id: 'unreadable' }))?.outcome?.shownFaults).toEqual([
    { kind: 'edited', sequence: 2 },
  ]);
});

it('is told where a link was made anew with a hash that fits', async () => {
  const [, second] = await sealing.chain();
  const contents = await putContents(buckets.seals, { bucketDays: [] });
  const before = { sequence: 1, hash: second?.link?.previousHash ?? '' };
  const forged = second?.link === undefined ? undefined : nextLink(before, { ...second.link, contents }, sha256);
  await destroy(2);
  await overwrite(2, JSON.stringify(forged));
  expect(await faults()).toEqual(['unlisted 2', 'unlinked 3']);
});

it('is told where the list in the table was cut or changed', async () => {
  await unlist(3);
  expect(await faults()).toEqual(['unlisted 3']);
  const change = {
    UpdateExpression: 'SET #hash = :hash',
    ExpressionAttributeNames: { '#hash': 'hash' },
    ExpressionAttributeValues: toItem({ ':hash': '0'.repeat(64) }),
  };
  await tables.client.send(new UpdateItemCommand({ ...listed(2), ...change }));
  expect(await faults(18)).toEqual(['unlisted 2', 'unlisted 3']);
});

/** A list item that somebody puts into the table. */
const list = (sequence: number) => {
  const texts = { id: 'x', sealedAt: 's', recordedUntil: 'r', contents: 'c', previousHash: 'p', hash: 'f'.repeat(64) };
  const fields = { pk: SEALS_PARTITION, sk: sequenceText(sequence), ...texts, days: ['2020-01-01'], entries: 0n };
  return tables.client.send(new PutItemCommand({ TableName: tables.operationsTable, Item: toItem(fields) }));
};

it('is not led astray by a list item that somebody made up, and is whole again when that is gone', async () => {
  await list(5_000);
  const sealed = await sealing.seal('later', '2026-11-18', '2026-11-19');
  expect(sealed).toMatchObject({ verdict: 'broken', seal: { sequence: 4 } });
  expect(sealed.shownFaults).toEqual([{ kind: 'cut', sequence: 4, to: 5_000 }]);
  await unlist(5_000);
  expect(await faults()).toEqual([]);
});

it('does not take the place of another seal in the list, and says whose is false', async () => {
  await list(4);
  await expect(sealing.seal('later', '2026-11-19')).rejects.toMatchObject({ name: 'SealListedOtherwiseError' });
  expect((await sealing.chain()).map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
  await unlist(4);
  expect(await sealing.seal('later', '2026-11-19')).toMatchObject({ verdict: 'intact', seal: { sequence: 4 } });
  expect(await faults()).toEqual([]);
});

it('is at no fault where a seal is in the bucket and its run broke off before the table listed it', async () => {
  const run = { mode: 'seal', id: 'broken-off', days: ['2026-11-19'] } as const;
  const input = { trigger: 'request', ...run, requestedAt: '2026-11-20T03:00:00.000Z' };
  const planned = await sealing.functions.plan({ input, execution: 'e' });
  if (!planned.claimed) throw new Error('It was not claimed.');
  const { after, startedAt: sealedAt, recordedUntil } = planned.run;
  const contents = await putContents(buckets.seals, { bucketDays: [] });
  await appendLink(buckets.seals, after, { id: run.id, sealedAt, recordedUntil, days: run.days, entries: 0, contents });
  expect(await faults(18)).toEqual([]);
});
