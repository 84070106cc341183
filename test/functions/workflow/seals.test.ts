import { DeleteItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { DeleteObjectCommand, ListObjectVersionsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SealSlice } from '../../../domain/seals/slices.ts';
import { addDays, type Day } from '../../../domain/time.ts';
import { metrics } from '../../../functions/runtime/metrics.ts';
import { getText } from '../../../store/artifacts.ts';
import { chainHead, readChain, SEQUENCE_MAX } from '../../../store/audit.ts';
import { toItem } from '../../../store/items.ts';
import { readLateDays } from '../../../store/late-days.ts';
import { getSealRun, requestSealRunAgain } from '../../../store/seal-runs.ts';
import { listSeals } from '../../../store/seals.ts';
import {
  accountKey,
  bucketOf,
  dayPartition,
  ITSELF,
  momentKey,
  sealRunPartition,
  transferKey,
} from '../../../store/tables.ts';
import { startBooks, type TestBooks } from '../../support/books.ts';
import { startSealBuckets, type TestSealBuckets } from '../../support/seal-buckets.ts';
import { type Posted, post, sealingOn } from '../../support/sealing.ts';

/** What is done to the table or to the bucket past the ledger, and what seals say of it. */

let tables: TestBooks;
let buckets: TestSealBuckets;
let sealing: ReturnType<typeof sealingOn>;
let day: Day = '2026-01-01';
/** The clock of the functions: well after the day is over, unless a test says otherwise. */
let now = '';
let names = 0;

beforeAll(async () => {
  [tables, buckets] = await Promise.all([startBooks(), startSealBuckets()]);
  sealing = sealingOn(tables, buckets, () => now);
});
afterAll(() => Promise.all([tables.stop(), buckets.stop()]));
// Each test has a day of its own.
beforeEach(() => {
  day = addDays(day, 2);
  now = `${addDays(day, 1)}T04:00:00.000Z`;
  vi.spyOn(console, 'log').mockImplementation(() => {});
});

const at = (time: string) => `${day}T${time}.000Z`;
const fresh = () => `n${names++}`;
/** A charge of a postpaid account at eight o'clock. */
const posted = async (account: string, more: Partial<Posted> = {}): Promise<string> => {
  const id = more.id ?? fresh();
  const moment = { effectiveAt: at('08:00:00'), recordedAt: at('08:00:01') };
  await post(tables, { id, debit: account, credit: 'platform:usage:revenue', ...moment, ...more });
  return id;
};
const key = (id: string) => ({ TableName: tables.ledgerTable, Key: toItem({ pk: transferKey(id) }) });
const set = (id: string, name: string, value: string | bigint) =>
  tables.client.send(
    new UpdateItemCommand({
      ...key(id),
      UpdateExpression: 'SET #name = :value',
      ExpressionAttributeNames: { '#name': name },
      ExpressionAttributeValues: toItem({ ':value': value }),
    }),
  );
const remove = (id: string) => tables.client.send(new DeleteItemCommand(key(id)));
/** An item as somebody writes it who knows the table. */
const slipIn = (account: string, recordedAt: string | undefined) => {
  const id = fresh();
  const effectiveAt = at('09:00:00');
  const debitDay = dayPartition(account, day, { shards: account.startsWith('postpaid') ? 4 : 1 }, id);
  const sides = { debit: account, credit: 'platform:usage:revenue', asset: 'USD/6', amount: 7n };
  const place = { debitDay, debitAt: momentKey(effectiveAt, id) };
  const item = { pk: transferKey(id), id, kind: 'charge', effectiveAt, recordedAt, ...sides, ...place };
  return tables.client.send(new PutItemCommand({ TableName: tables.ledgerTable, Item: toItem(item) })).then(() => id);
};

describe('a sealed day', () => {
  it('is intact while nothing is changed', async () => {
    for (const account of ['postpaid:a', 'postpaid:b', 'merchant:c']) {
      const revenue = account === 'merchant:c' ? 'platform:cash:bank' : 'platform:usage:revenue';
      await posted(account, { credit: revenue });
      await posted(account, { credit: revenue, effectiveAt: at('23:59:59') });
    }
    expect(await sealing.seal('whole', day)).toMatchObject({ verdict: 'intact', changes: 0, faults: 0, entries: 6 });
    expect(await sealing.verify('whole', day)).toMatchObject({ verdict: 'intact', entries: 6, daysNotSealed: [] });
  });

  it('names every transfer that was edited, removed or slipped in', async () => {
    const [edited, described, gone, moved, kept] = [
      await posted('postpaid:d'),
      await posted('postpaid:e', { description: 'As agreed.' }),
      await posted('postpaid:e'),
      await posted('postpaid:f'),
      await posted('postpaid:f'),
    ];
    await sealing.seal('tampered', day);
    await set(edited, 'amount', 4n);
    await set(described, 'description', 'As we would like.');
    await remove(gone);
    await set(moved, 'debitAt', momentKey(at('08:30:00'), moved));
    const slipped = await slipIn('postpaid:g', at('09:00:01'));
    const future = await slipIn('postpaid:f', '2999-01-01T00:00:00.000Z');
    const undated = await slipIn('postpaid:f', undefined);
    await tables.client.send(new PutItemCommand({ TableName: tables.ledgerTable, Item: accountOf('postpaid:g') }));

    const counted = vi.spyOn(metrics, 'addMetric');
    const outcome = await sealing.verify('tampered', day);
    expect(await sealing.changesOf('verify', 'tampered')).toEqual(
      [
        `postpaid:d ${day} ${edited} edited`,
        `postpaid:e ${day} ${described} edited`,
        `postpaid:e ${day} ${gone} removed`,
        `postpaid:f ${day} ${moved} edited`,
        `postpaid:g ${day} ${slipped} inserted`,
        `postpaid:f ${day} ${future} inserted`,
        `postpaid:f ${day} ${undated} inserted`,
      ].sort(),
    );
    expect(outcome).toMatchObject({
      verdict: 'broken',
      changes: 7,
      changesByKind: { edited: 3, removed: 1, inserted: 3 },
      faults: 0,
    });
    expect(counted).toHaveBeenCalledWith('seals_broken', 'Count', 7);
    expect(outcome.shownChanges.map(({ transfer }) => transfer)).not.toContain(kept);
  });

  it('names a transfer that was made to count on another day', async () => {
    const id = await posted('merchant:m', { credit: 'platform:cash:bank' });
    await sealing.seal('redated', day);
    await set(id, 'effectiveAt', `${addDays(day, -1)}T08:00:00.000Z`);
    await set(id, 'debitDay', `merchant:m#${addDays(day, -1)}`);
    await sealing.verify('redated', day);
    expect(await sealing.changesOf('verify', 'redated')).toEqual([`merchant:m ${day} ${id} removed`]);
  });

  it('names a transfer that was told to be recorded later, which leaves no other out', async () => {
    const id = await posted('postpaid:h');
    await sealing.seal('relabelled', day);
    await set(id, 'recordedAt', `${addDays(day, 1)}T12:00:00.000Z`);
    await sealing.verify('relabelled', day);
    expect(await sealing.changesOf('verify', 'relabelled')).toEqual([`postpaid:h ${day} ${id} edited`]);
  });

  it('names the transfers of an account that was removed itself', async () => {
    const id = await posted('postpaid:removed');
    await sealing.seal('no-account', day);
    const Key = toItem({ pk: accountKey('postpaid:removed') });
    await tables.client.send(new DeleteItemCommand({ TableName: tables.ledgerTable, Key }));
    expect(await sealing.verify('no-account', day)).toMatchObject({ verdict: 'intact' });
    await remove(id);
    await sealing.verify('no-account-2', day);
    expect(await sealing.changesOf('verify', 'no-account-2')).toEqual([`postpaid:removed ${day} ${id} removed`]);
  });

  it('is not broken by a correction that is recorded later, and the next seal has it', async () => {
    const original = await posted('postpaid:i');
    await sealing.seal('before-correction', day);
    const recordedAt = `${addDays(day, 1)}T09:00:00.000Z`;
    const sides = { debit: 'platform:usage:revenue', credit: 'postpaid:i' };
    const correction = await posted('postpaid:i', { ...sides, recordedAt, corrects: original });
    now = `${addDays(day, 2)}T04:00:00.000Z`;
    expect(await sealing.verify('after-correction', day)).toMatchObject({ verdict: 'intact', entries: 2 });

    expect(await sealing.seal('with-correction', day)).toMatchObject({ verdict: 'intact', changes: 0 });
    await remove(correction);
    await sealing.verify('correction-gone', day);
    expect(await sealing.changesOf('verify', 'correction-gone')).toEqual([`postpaid:i ${day} ${correction} removed`]);
  });

  it('leaves to the next seal what was recorded a moment before, which may be on its way', async () => {
    await posted('postpaid:j', { recordedAt: `${addDays(day, 1)}T03:50:00.000Z` });
    expect(await sealing.seal('moving', day)).toMatchObject({ verdict: 'intact', entries: 1 });
    const [link] = (await listSeals(tables, 1)).seals;
    expect(link).toMatchObject({ id: 'moving', entries: 0, recordedUntil: `${addDays(day, 1)}T03:40:00.000Z` });
    await posted('postpaid:j', { recordedAt: `${addDays(day, 1)}T03:45:00.000Z` });
    expect(await sealing.verify('moving', day)).toMatchObject({ verdict: 'intact' });
  });

  it('that differs is not sealed anew: the seal that it has goes on to name the change', async () => {
    const [changed, sound] = [await posted('postpaid:k'), await posted('merchant:n', { credit: 'platform:cash:bank' })];
    await sealing.seal('first', day);
    await set(changed, 'amount', 1n);
    const again = await sealing.seal('second', day);
    expect(again).toMatchObject({ verdict: 'broken', changes: 1, seal: { sequence: expect.any(Number) } });
    expect((await sealing.contentsOf(again.seal?.sequence ?? 0)).bucketDays).toHaveLength(63);

    await remove(sound);
    await sealing.verify('both', day);
    expect(await sealing.changesOf('verify', 'both')).toEqual(
      [`postpaid:k ${day} ${changed} edited`, `merchant:n ${day} ${sound} removed`].sort(),
    );
    await set(changed, 'amount', 5n);
    await sealing.verify('mended', day);
    expect(await sealing.changesOf('verify', 'mended')).toEqual([`merchant:n ${day} ${sound} removed`]);
  });

  it('covers transfers between two accounts of the company', async () => {
    const id = await posted('platform:cash:bank', { credit: 'platform:cash:till' });
    expect(await sealing.seal('platform', day)).toMatchObject({ entries: 2 });
    await set(id, 'amount', 6n);
    await sealing.verify('platform', day);
    expect(await sealing.changesOf('verify', 'platform')).toEqual([
      `platform:cash:bank ${day} ${id} edited`,
      `platform:cash:till ${day} ${id} edited`,
    ]);
  });

  it('is told from one that was never sealed', async () => {
    await sealing.seal('one-of-two', day);
    expect(await sealing.verify('one-of-two', addDays(day, -1), day)).toMatchObject({
      verdict: 'not-sealed',
      changes: 0,
      daysNotSealed: [addDays(day, -1)],
    });
  });

  it('is read from its first version where pages were deleted or written over', async () => {
    const id = await posted('postpaid:l');
    await sealing.seal('pages', day);
    for (const page of await pagesOf('pages')) {
      const object = { Bucket: 'seals', Key: page };
      await buckets.seals.client.send(new PutObjectCommand({ ...object, Body: 'forged' }));
      await buckets.seals.client.send(new DeleteObjectCommand(object));
    }
    expect(await sealing.verify('pages', day)).toMatchObject({ verdict: 'intact' });
    await remove(id);
    await sealing.verify('pages-2', day);
    expect(await sealing.changesOf('verify', 'pages-2')).toEqual([`postpaid:l ${day} ${id} removed`]);
  });

  it('fails by name when what was sealed is nowhere any more', async () => {
    await posted('postpaid:lost');
    await sealing.seal('lost', day);
    for (const page of await pagesOf('lost')) await destroy(page);
    await expect(sealing.verify('lost', day)).rejects.toMatchObject({ name: 'SealedObjectLostError' });
  });
});

it('lists seals newest first, page by page, and audits each', async () => {
  await sealing.seal('listed-1', day);
  await sealing.seal('listed-2', day);
  const first = await listSeals(tables, 1);
  expect(first.seals.map(({ id }) => id)).toEqual(['listed-2']);
  const second = await listSeals(tables, 1, first.next);
  expect(second.seals.map(({ id }) => id)).toEqual(['listed-1']);
  expect(first.seals[0]?.previousHash).toBe(second.seals[0]?.hash);
  const records = await Array.fromAsync(readChain(tables, 1, 1_000));
  expect(records.at(-1)).toMatchObject({
    action: 'seal.made',
    target: 'seal:listed-2',
    details: { sequence: first.seals[0]?.sequence.toString(), hash: first.seals[0]?.hash },
  });
});

it('keeps what did not change once, however often it is sealed', async () => {
  await posted('postpaid:same');
  await sealing.seal('same-1', day);
  const before = (await listSeals(tables, 1)).seals[0];
  await sealing.seal('same-2', day);
  const after = (await listSeals(tables, 1)).seals[0];
  expect(after?.contents).toBe(before?.contents);
  expect(after?.hash).not.toBe(before?.hash);
});

it('seals the day before and the seven before that by schedule, under one name however often it fires', async () => {
  const input = { trigger: 'daily', scheduledTime: `${addDays(day, 1)}T04:00:00Z` };
  const planned = await sealing.functions.plan({ input, execution: 'first' });
  expect(planned).toMatchObject({
    claimed: true,
    run: { id: `daily-${day}`, mode: 'seal', slices: 8 * 16, days: expect.arrayContaining([addDays(day, -7), day]) },
  });
  const second = { claimed: false, id: `daily-${day}`, heldBy: 'first' };
  expect(await sealing.functions.plan({ input, execution: 'second' })).toEqual(second);
  const weekly = { trigger: 'weekly', scheduledTime: `${addDays(day, 1)}T05:00:00Z` };
  expect(await sealing.functions.plan({ input: weekly, execution: 'third' })).toMatchObject({
    run: { id: `weekly-${day}`, mode: 'verify', slices: 35 * 16 },
  });
});

it('fails by name when a run is recorded as done and nobody did it', async () => {
  const id = `weekly-${day}`;
  const fields = { mode: 'verify', id, trigger: 'weekly', status: 'succeeded', days: [day], requestedAt: now };
  const item = toItem({ pk: sealRunPartition('verify', id), sk: ITSELF, ...fields });
  await tables.client.send(new PutItemCommand({ TableName: tables.operationsTable, Item: item }));
  const input = { trigger: 'weekly', scheduledTime: `${addDays(day, 1)}T05:00:00Z` };
  const plan = sealing.functions.plan({ input, execution: 'e' });
  await expect(plan).rejects.toMatchObject({ name: 'SealRunNotDoneError' });
});

it('is audited when it is started, failed and asked for again, each once', async () => {
  const input = { trigger: 'request', mode: 'verify', id: 'audited', days: [day], requestedAt: now };
  const [run, error] = [{ mode: 'verify', id: 'audited' } as const, { Error: 'Boom', Cause: 'y' }];
  const again = async () => {
    const failed = await getSealRun(tables, run);
    if (failed !== undefined) await requestSealRunAgain(tables, failed, 'key-1', now);
  };
  const steps: [() => Promise<unknown>, string, string][] = [
    [() => sealing.functions.plan({ input, execution: 'x' }), 'run:audited', 'seal.started'],
    [() => sealing.functions.fail({ input, execution: 'x', error }), 'run:audited', 'seal.failed'],
    [again, 'key-1', 'seal.requested'],
    [() => sealing.functions.plan({ input, execution: 'y' }), 'run:audited', 'seal.started'],
  ];
  for (const [act, actor, action] of steps) {
    const { sequence } = await chainHead(tables);
    await act();
    await act();
    const records = await Array.fromAsync(readChain(tables, sequence + 1, SEQUENCE_MAX));
    expect(records).toMatchObject([{ actor, action, target: 'verification:audited' }]);
  }
});

describe('what is recorded for a day that the daily seal no longer comes to', () => {
  it('is sealed by the next daily seal all the same, and then not sealed every day again', async () => {
    const original = await posted('postpaid:late');
    await sealing.seal('in-time', day);
    const recordedAt = `${addDays(day, 20)}T10:00:00.000Z`;
    const sides = { debit: 'platform:usage:revenue', credit: 'postpaid:late' };
    const refund = await posted('postpaid:late', { ...sides, recordedAt, corrects: original });
    const gone = await posted('postpaid:late', { ...sides, recordedAt, corrects: original });
    expect(await runDaily(addDays(day, 21))).toContain(day);
    expect(await runDaily(addDays(day, 22))).not.toContain(day);
    await set(refund, 'amount', 500_000n);
    await remove(gone);
    now = `${addDays(day, 31)}T05:00:00.000Z`;
    expect(await sealing.verify('late', day)).toMatchObject({ verdict: 'broken', changes: 2 });
    expect(await sealing.changesOf('verify', 'late')).toEqual(
      [`postpaid:late ${day} ${refund} edited`, `postpaid:late ${day} ${gone} removed`].sort(),
    );
  });

  it('is told as not sealed when it is in no seal after more than a day, and not before', async () => {
    await posted('postpaid:unsealed');
    await sealing.seal('before-unsealed', day);
    await slipIn('postpaid:unsealed', `${addDays(day, 20)}T10:00:00.000Z`);
    now = `${addDays(day, 21)}T05:00:00.000Z`;
    expect(await sealing.verify('soon', day)).toMatchObject({ verdict: 'intact', unsealed: 0 });
    now = `${addDays(day, 22)}T05:00:00.000Z`;
    const counted = vi.spyOn(metrics, 'addMetric');
    expect(await sealing.verify('later', day)).toMatchObject({
      ...{ verdict: 'not-sealed', unsealed: 1, daysUnsealed: [day], daysNotSealed: [] },
    });
    expect(counted).toHaveBeenCalledWith('entries_not_sealed', 'Count', 1);
  });

  it('is noted by whoever posts it, and what is recorded in time is not', async () => {
    const noted = async () => (await readLateDays(tables)).filter((late) => late.day === day);
    await posted('postpaid:noted', { recordedAt: `${addDays(day, 7)}T23:59:59.999Z` });
    expect(await noted()).toEqual([]);
    const recordedAt = `${addDays(day, 8)}T00:00:00.000Z`;
    await posted('postpaid:noted', { recordedAt });
    expect(await noted()).toEqual([{ day, recordedAt }]);
  });
});

/** Runs what the schedule starts in the morning of a day. @returns the days that it went through. */
async function runDaily(on: Day): Promise<readonly Day[]> {
  now = `${on}T04:00:00.000Z`;
  const input = { trigger: 'daily', scheduledTime: now };
  const planned = await sealing.functions.plan({ input, execution: `daily-${on}` });
  if (!planned.claimed) throw new Error('It was not claimed.');
  await sealing.functions.slice({ BatchInput: { run: planned.run }, Items: await slicesOf(planned.run.slicesKey) });
  await sealing.functions.close({ run: planned.run });
  return planned.run.days;
}

it('refuses an input that asks for nothing', async () => {
  const plan = (input: unknown) => sealing.functions.plan({ input, execution: 'e' });
  await expect(plan({ trigger: 'daily' })).rejects.toMatchObject({ name: 'InvalidSealInputError' });
  await expect(plan({ trigger: 'request', mode: 'seal', id: 'x', days: [], requestedAt: now })).rejects.toMatchObject({
    name: 'InvalidSealInputError',
  });
});

it('does not seal by a comparison that another seal has overtaken', async () => {
  const start = async (id: string) => {
    const input = { trigger: 'request', mode: 'seal', id, days: [day], requestedAt: now };
    const planned = await sealing.functions.plan({ input, execution: id });
    return planned.claimed ? planned.run : expect.fail('It was not claimed.');
  };
  const slow = await start('slow');
  await sealing.seal('fast', day);
  await sealing.functions.slice({ BatchInput: { run: slow }, Items: await slicesOf(slow.slicesKey) });
  await expect(sealing.functions.close({ run: slow })).rejects.toMatchObject({ name: 'SealOvertakenError' });

  const error = { Error: 'SealOvertakenError' };
  const input = { trigger: 'request', mode: 'seal', id: 'slow', days: [day], requestedAt: now };
  expect(await sealing.functions.fail({ input, execution: 'slow', error })).toEqual({ id: 'slow', recorded: true });
  expect(await getSealRun(tables, { mode: 'seal', id: 'slow' })).toMatchObject({
    status: 'failed',
    error: { name: 'SealOvertakenError' },
  });
  now = `${addDays(day, 1)}T05:00:00.000Z`;
  expect(await sealing.seal('slow', day)).toMatchObject({ verdict: 'intact' });
  expect((await listSeals(tables, 1)).seals).toMatchObject([{ id: 'slow', sealedAt: now }]);
});

it('is chained once, though the end was broken off between the bucket and the table', async () => {
  await posted('postpaid:halfway');
  const input = { trigger: 'request', mode: 'seal', id: 'halfway', days: [day], requestedAt: now };
  const first = await sealing.functions.plan({ input, execution: 'first' });
  if (!first.claimed) throw new Error('It was not claimed.');
  await sealing.functions.slice({ BatchInput: { run: first.run }, Items: await slicesOf(first.run.slicesKey) });
  const [send, before] = [tables.client.send, (await sealing.chain()).length];
  vi.spyOn(tables.client, 'send').mockImplementation(async () => {
    throw new Error('Killed.');
  });
  await expect(sealing.functions.close({ run: first.run })).rejects.toThrow('Killed.');
  tables.client.send = send;
  expect(await sealing.chain()).toHaveLength(before + 1);
  expect((await listSeals(tables, 1)).seals[0]?.id).not.toBe('halfway');
  await sealing.functions.fail({ input, execution: 'first', error: { Error: 'Killed' } });

  now = `${addDays(day, 1)}T09:00:00.000Z`;
  const second = await sealing.functions.plan({ input, execution: 'second' });
  if (!second.claimed) throw new Error('It was not claimed.');
  await sealing.functions.slice({ BatchInput: { run: second.run }, Items: await slicesOf(second.run.slicesKey) });
  expect(await sealing.functions.close({ run: second.run })).toMatchObject({ verdict: 'intact' });
  const chain = await sealing.chain();
  expect(chain).toHaveLength(before + 1);
  expect((await listSeals(tables, 1)).seals[0]).toEqual(chain.at(-1)?.link);
  expect(chain.at(-1)?.link).toMatchObject({ id: 'halfway', sealedAt: `${addDays(day, 1)}T04:00:00.000Z`, entries: 1 });
});

async function slicesOf(slicesKey: string): Promise<SealSlice[]> {
  return JSON.parse(await getText(buckets.artifacts, slicesKey)) as SealSlice[];
}

/** As much of an account's item as lists it. */
function accountOf(account: string) {
  return toItem({ pk: accountKey(account), account, bucket: bucketOf(account) });
}

async function pagesOf(id: string): Promise<string[]> {
  const link = (await listSeals(tables, 1)).seals[0];
  expect(link?.id).toBe(id);
  const { bucketDays } = await sealing.contentsOf(link?.sequence ?? 0);
  return bucketDays.flatMap(({ pages }) => pages.map((page) => `seals/pages/${page}.ndjson`));
}

/** Deletes every version, which takes a permission beyond any that the service has. */
async function destroy(Key: string): Promise<void> {
  const { client } = buckets.seals;
  const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket: 'seals', Prefix: Key }));
  for (const { VersionId } of Versions) {
    const version = { Bucket: 'seals', Key, VersionId };
    await client.send(new DeleteObjectCommand({ ...version, BypassGovernanceRetention: true }));
  }
}
