import { DeleteItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type AuditHead, type AuditRecord, nextRecord } from '../../../domain/audit.ts';
import { makeHandler as makeAnchor } from '../../../functions/events/anchor-audit.ts';
import { makeHandler as makeExport } from '../../../functions/events/export-audit.ts';
import { metrics } from '../../../functions/runtime/metrics.ts';
import { getText, putText } from '../../../store/artifacts.ts';
import { appendWith, chainHead, readChain, SEQUENCE_MAX, sha256 } from '../../../store/audit.ts';
import { latestAnchors } from '../../../store/audit-archive.ts';
import { toItem } from '../../../store/items.ts';
import { AUDIT_PARTITION, auditSortKey } from '../../../store/tables.ts';
import { startArtifacts, type TestArtifacts } from '../../support/artifacts-bucket.ts';
import { startBooks, type TestBooks } from '../../support/books.ts';

let books: TestBooks;
let bucket: TestArtifacts;
beforeEach(async () => {
  [books, bucket] = await Promise.all([startBooks(), startArtifacts()]);
});
afterEach(() => Promise.all([books.stop(), bucket.stop()]));

const NOW = '2026-12-01T03:30:00.000Z';
const add = (at: string, reason = 'Why') =>
  appendWith(books, { at, actor: 'key-1', action: 'ledger.paused', target: 'ledger', details: { reason } }, []);
async function addDays(...days: string[]): Promise<void> {
  for (const day of days) await add(`${day}T12:00:00.000Z`);
}
const placeOf = (sequence: number) => ({
  TableName: books.operationsTable,
  Key: toItem({ pk: AUDIT_PARTITION, sk: auditSortKey(sequence) }),
});
const remove = (sequence: number) => books.client.send(new DeleteItemCommand(placeOf(sequence)));
const edit = (sequence: number, actor = 'nobody') =>
  books.client.send(
    new UpdateItemCommand({
      ...placeOf(sequence),
      UpdateExpression: 'SET actor = :actor',
      ExpressionAttributeValues: toItem({ ':actor': actor }),
    }),
  );

/** Puts a record past the service. */
const put = ({ sequence, details, ...fields }: AuditRecord) =>
  books.client.send(
    new PutItemCommand({
      TableName: books.operationsTable,
      Item: toItem({ pk: AUDIT_PARTITION, sk: auditSortKey(sequence), ...fields, details: JSON.stringify(details) }),
    }),
  );
const recordOf = async (sequence: number): Promise<AuditRecord> => {
  const [record] = await Array.fromAsync(readChain(books, sequence, sequence));
  return record ?? expect.fail(`There is no record ${sequence}.`);
};

describe('the daily check', () => {
  const anchor = (day: string) =>
    makeAnchor({ audit: books, seals: bucket, now: () => NOW })({ scheduledTime: `${day}T03:15:00Z` });
  const broken = () => {
    const added = vi.spyOn(metrics, 'addMetric');
    return () => added.mock.calls.filter(([name]) => name === 'audit_chain_broken').map(([, , value]) => value);
  };
  afterEach(() => vi.restoreAllMocks());

  test('keeps the head of a chain that holds, once a day', async () => {
    const counts = broken();
    expect(await anchor('2026-11-19')).toMatchObject({ anchor: 'nothing-to-keep' });
    await addDays('2026-11-18', '2026-11-19');
    const head = await chainHead(books);
    expect(await anchor('2026-11-20')).toEqual({ day: '2026-11-20', head, anchor: 'kept' });
    await addDays('2026-11-20');
    expect(await anchor('2026-11-20')).toMatchObject({ head: { sequence: 3 }, anchor: 'kept-before' });
    expect(await latestAnchors(bucket, 10)).toEqual([{ day: '2026-11-20', ...head, anchoredAt: NOW }]);
    expect(counts()).toEqual([0, 0, 0]);
  });

  test('finds an end that was cut off by the anchor of the day before, raises the alarm, and notes it in the anchor', async () => {
    await addDays('2026-11-18', '2026-11-19');
    await anchor('2026-11-20');
    await remove(2);
    const counts = broken();
    const found = { day: '2026-11-21', anchor: 'kept', fault: expect.stringContaining('cut') };
    expect(await anchor('2026-11-21')).toEqual({ ...found, head: await chainHead(books) });
    expect(counts()).toEqual([1]);
    await addDays('2026-11-21');
    expect(await anchor('2026-11-22')).toMatchObject({ fault: expect.stringContaining('Record 2 is not the one') });
    expect(await latestAnchors(bucket, 10)).toMatchObject([
      { day: '2026-11-22', sequence: 2, fault: expect.stringContaining('Record 2 is not the one') },
      { day: '2026-11-21', sequence: 1, fault: expect.stringContaining('cut') },
      { day: '2026-11-20', sequence: 2 },
    ]);
  });

  test('goes on to witness a broken chain, so that nothing after the fault can be written anew unseen', async () => {
    await addDays('2026-11-01', '2026-11-02');
    await anchor('2026-11-03');
    await edit(1);
    for (const day of ['2026-11-04', '2026-11-05', '2026-11-06']) {
      await addDays(day);
      expect(await anchor(day)).toMatchObject({
        anchor: 'kept',
        fault: expect.stringContaining('Record 1 was edited'),
      });
    }
    // All behind the last sound anchor is written anew without one record, and then the edit is taken back.
    const [, second, , ...kept] = await Array.fromAsync(readChain(books, 1, SEQUENCE_MAX));
    for (const sequence of [3, 4, 5]) await remove(sequence);
    let last: AuditHead | undefined = second;
    for (const record of kept) {
      const anew: AuditRecord = nextRecord(last, record, sha256);
      await put(anew);
      last = anew;
    }
    await edit(1, 'key-1');
    expect(await anchor('2026-11-07')).toMatchObject({ fault: expect.stringContaining('Record 3 is not the one') });
  });

  test('anchors no head without a number or a hash, whatever somebody writes into the table', async () => {
    await addDays('2026-11-18');
    const head = await chainHead(books);
    await put({ ...(await recordOf(1)), sequence: 2, hash: 'none' });
    expect(await anchor('2026-11-19')).toMatchObject({
      head,
      anchor: 'kept',
      fault: expect.stringContaining('edited'),
    });
  });

  test('tells a record of a time to come, after which nothing is appended', async () => {
    await addDays('2026-11-18');
    const entry = { actor: 'key-1', action: 'ledger.paused', target: 'ledger', details: {} } as const;
    await put(nextRecord(await recordOf(1), { ...entry, at: '9999-01-01T00:00:00.000Z' }, sha256));
    await expect(addDays('2026-11-19')).rejects.toMatchObject({ name: 'AuditHeadAheadError' });
    expect(await anchor('2026-11-20')).toMatchObject({ fault: expect.stringContaining('Record 2 is misdated') });
  });

  test('finds a record that was edited long ago', async () => {
    await addDays('2026-11-18', '2026-11-19', '2026-11-20');
    await anchor('2026-11-20');
    await edit(1);
    expect(await anchor('2026-11-21')).toMatchObject({ fault: expect.stringContaining('Record 1 was edited') });
  });

  test('refuses an event that says no day', async () => {
    const run = makeAnchor({ audit: books, seals: bucket, now: () => NOW });
    await expect(run({ scheduledTime: 'soon' })).rejects.toThrow('must be an RFC 3339 time');
  });
});

describe('the monthly export', () => {
  const run = (input: unknown = { scheduledTime: '2026-12-01T03:30:00Z' }) =>
    makeExport({ audit: books, artifacts: bucket, now: () => NOW })(input);
  const exported = (name: string) => getText(bucket, `audit/${name}`);

  test('has the records of the month before, what they follow, and their digest', async () => {
    await addDays('2026-10-31', '2026-11-01', '2026-11-30', '2026-12-01');
    const manifest = await run();
    const text = await exported('2026-11.ndjson');
    const records = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(records.map(({ sequence }) => sequence)).toEqual([2, 3]);
    expect(manifest).toEqual({
      month: '2026-11',
      file: 'audit/2026-11.ndjson',
      records: 2,
      after: { sequence: 1, hash: records[0].previousHash },
      head: { sequence: 3, hash: records[1].hash },
      bytes: Buffer.byteLength(text),
      sha256: sha256(text),
    });
    expect(JSON.parse(await exported('2026-11.manifest.json'))).toEqual(manifest);
  });

  test('done again is the same, also where it broke off between its two files', async () => {
    await addDays('2026-11-01');
    const manifest = await run();
    expect(await run()).toEqual(manifest);
    expect(await run({ month: '2026-11' })).toEqual(manifest);
  });

  test('of a month without records says so', async () => {
    await addDays('2026-10-31');
    expect(await run()).toMatchObject({ records: 0, after: { sequence: 1 }, head: { sequence: 1 }, bytes: 0 });
    expect(await run()).toMatchObject({ records: 0 });
  });

  test('never takes the place of another content', async () => {
    await addDays('2026-11-01');
    await putText(bucket, 'audit/2026-11.ndjson', 'text/plain', 'something else');
    await expect(run()).rejects.toThrow('audit/2026-11.ndjson is written once');
    expect(await exported('2026-11.ndjson')).toBe('something else');
  });

  test('is not made of records that do not follow from each other', async () => {
    await addDays('2026-11-01', '2026-11-02', '2026-11-03');
    await edit(2);
    await expect(run()).rejects.toThrow('Record 2 was edited');
    await expect(exported('2026-11.manifest.json')).rejects.toThrow();
  });

  test('leaves nothing out because a time beside the month was edited for a while', async () => {
    const setTime = (sequence: number, at: string) =>
      books.client.send(
        new UpdateItemCommand({
          ...placeOf(sequence),
          UpdateExpression: 'SET #at = :at',
          ExpressionAttributeNames: { '#at': 'at' },
          ExpressionAttributeValues: toItem({ ':at': at }),
        }),
      );
    await addDays('2026-10-20', '2026-10-25', '2026-11-02', '2026-11-05', '2026-11-10', '2026-11-15', '2026-12-01');
    for (const sequence of [3, 4, 5, 6]) {
      const { at } = await recordOf(sequence);
      for (const forged of ['2026-10-31T00:00:00.000Z', '2026-12-01T00:00:00.000Z']) {
        await setTime(sequence, forged);
        await expect(run()).rejects.toThrow(/Record \d was edited|is misdated|another month/);
      }
      await setTime(sequence, at);
    }
    expect(await run()).toMatchObject({ records: 4, after: { sequence: 2 }, head: { sequence: 6 } });
  });

  test('follows the export of the month before, where there is one', async () => {
    await addDays('2026-10-20', '2026-10-25', '2026-11-02');
    const october = await run({ month: '2026-10' });
    await putText(
      bucket,
      'audit/2026-10.manifest.json',
      'text/plain',
      JSON.stringify({ ...october, head: october.after }),
    );
    await expect(run()).rejects.toThrow('It follows record 2, and the export of 2026-10 ends with 0');
    await putText(bucket, 'audit/2026-10.manifest.json', 'text/plain', JSON.stringify(october));
    expect(await run()).toMatchObject({ records: 1, after: october.head });
  });

  test('larger than one part is written in several, once', async () => {
    const reason = 'x'.repeat(7_900);
    for (let count = 0; count < 700; count += 1) await add('2026-11-02T00:00:00.000Z', reason);
    const manifest = await run();
    expect(manifest.bytes).toBeGreaterThan(5 * 1024 * 1024);
    expect(await run()).toEqual(manifest);
  });

  test.each([
    [{ month: '2026-12' }, 'is not over'],
    [{ month: 'soon' }, 'must be a month'],
    [{}, 'has no month'],
  ])('refuses %j', async (input, message) => {
    await expect(run(input)).rejects.toThrow(message);
  });
});
