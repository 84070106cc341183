import {
  DeleteItemCommand,
  DynamoDBClient,
  QueryCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type AuditEntry, type AuditRecord, createChainVerifier } from '../../domain/audit.ts';
import {
  type AuditStore,
  appendWith,
  chainHead,
  firstSequenceSince,
  readChain,
  readHead,
  SEQUENCE_MAX,
  sha256,
} from '../../store/audit.ts';
import { toItem } from '../../store/items.ts';
import { StoreUnavailableError } from '../../store/retry.ts';
import { AUDIT_PARTITION, auditSortKey } from '../../store/tables.ts';
import { startBooks, type TestBooks } from '../support/books.ts';

let books: TestBooks;
beforeAll(async () => {
  books = await startBooks();
});
afterAll(() => books.stop());
let things = 0;
beforeEach(() => {
  things += 100;
});

const clock = { now: () => 0, random: () => 0.5, sleep: async () => undefined };
const entry = (more: Partial<AuditEntry> = {}): AuditEntry => ({
  at: '2026-11-20T08:00:00.000Z',
  actor: 'key-1',
  action: 'ledger.paused',
  target: 'ledger',
  details: { reason: 'Trial balance broken.' },
  ...more,
});
const keyOf = (thing: number) => toItem({ pk: 'thing', sk: `${thing}` });
const put = (thing: number) => ({
  Put: {
    TableName: books.operationsTable,
    Item: { ...keyOf(thing), value: { S: 'there' } },
    ConditionExpression: 'attribute_not_exists(pk)',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
  },
});

async function all(store: AuditStore = books): Promise<AuditRecord[]> {
  return Array.fromAsync(readChain(store, 1, SEQUENCE_MAX));
}
async function faultOf(records: Promise<AuditRecord[]>) {
  const verifier = createChainVerifier({ digest: sha256, now: '2026-12-01T00:00:00.000Z' });
  for (const record of await records) verifier.next(record);
  return verifier.end();
}

describe('appending', () => {
  test('writes the record and the change together, and the chain goes on from the last record', async () => {
    const before = await chainHead(books);
    const result = await appendWith(books, entry(), [put(things)]);
    expect(result).toMatchObject({ kind: 'appended', record: { sequence: before.sequence + 1 } });
    expect(await readHead(books)).toEqual(result.kind === 'appended' ? result.record : undefined);
  });

  test('writes neither where a condition of the change fails, and hands back the item as it is', async () => {
    await appendWith(books, entry(), [put(things)]);
    const before = await chainHead(books);
    const result = await appendWith(books, entry(), [put(things + 1), put(things)]);
    expect(result).toMatchObject({
      kind: 'refused',
      reasons: [{ Code: 'None' }, { Code: 'ConditionalCheckFailed', Item: { value: { S: 'there' } } }],
    });
    expect(await chainHead(books)).toEqual(before);
    expect((await appendWith(books, entry(), [put(things + 1)])).kind).toBe('appended');
  });

  test('by many at once gives each a place of its own, and one whole chain', async () => {
    const before = await chainHead(books);
    const results = await Promise.all(
      Array.from({ length: 25 }, (_, index) => appendWith({ ...books, clock }, entry(), [put(things + index)])),
    );
    const sequences = results.map((result) => (result.kind === 'appended' ? result.record.sequence : 0));
    expect(sequences.toSorted((a, b) => a - b)).toEqual(results.map((_, index) => before.sequence + index + 1));
    expect(await faultOf(all())).toBeUndefined();
  });

  test('gives up when others always take the next place, and has then written nothing', async () => {
    const client = new DynamoDBClient({ region: 'us-east-1' });
    let taken = 0;
    mockClient(client)
      .on(QueryCommand)
      .callsFake((input) => books.client.send(new QueryCommand(input)))
      .on(TransactWriteItemsCommand)
      .callsFake(async (input) => {
        taken += 1;
        await appendWith(books, entry(), []);
        return books.client.send(new TransactWriteItemsCommand(input));
      });
    const appending = appendWith({ ...books, client, clock }, entry({ actor: 'loser' }), [put(things)]);
    await expect(appending).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(taken).toBeGreaterThan(10);
    expect((await all()).filter(({ actor }) => actor === 'loser')).toEqual([]);
    expect((await appendWith(books, entry(), [put(things)])).kind).toBe('appended');
  });

  test('is done once though its answer was lost, also when others have appended since', async () => {
    const client = new DynamoDBClient({ region: 'us-east-1' });
    let attempts = 0;
    mockClient(client)
      .on(QueryCommand)
      .callsFake((input) => books.client.send(new QueryCommand(input)))
      .on(TransactWriteItemsCommand)
      .callsFake(async (input) => {
        attempts += 1;
        const answer = await books.client.send(new TransactWriteItemsCommand(input));
        if (attempts > 1) return answer;
        await appendWith(books, entry({ actor: 'another' }), []);
        throw Object.assign(new Error('lost'), { name: 'TimeoutError' });
      });
    const result = await appendWith({ ...books, client, clock }, entry({ actor: 'once' }), [put(things)]);
    expect(attempts).toBe(2);
    const written = (await all()).filter(({ actor }) => actor === 'once');
    expect(written).toEqual([result.kind === 'appended' ? result.record : undefined]);
  });

  test('takes the time of the record before when its own clock is behind', async () => {
    await appendWith(books, entry({ at: '2026-11-20T09:00:00.000Z' }), []);
    const late = await appendWith(books, entry({ at: '2026-11-20T08:59:59.999Z' }), []);
    expect(late).toMatchObject({ record: { at: '2026-11-20T09:00:00.000Z' } });
  });
});

describe('reading', () => {
  test('finds the first record of a time by halving, whatever was removed', async () => {
    const own = await startBooks();
    try {
      expect(await firstSequenceSince(own, '2026-11-01T00:00:00.000Z')).toBe(1);
      const days = ['01', '01', '03', '03', '03', '07', '09'];
      for (const day of days) await appendWith(own, entry({ at: `2026-11-${day}T00:00:00.000Z` }), []);
      const firstOf = (day: string) => firstSequenceSince(own, `2026-11-${day}T00:00:00.000Z`);
      expect(await Promise.all(['01', '02', '03', '04', '09', '10'].map(firstOf))).toEqual([1, 3, 3, 6, 7, 8]);
      await own.client.send(
        new DeleteItemCommand({
          TableName: own.operationsTable,
          Key: toItem({ pk: AUDIT_PARTITION, sk: auditSortKey(4) }),
        }),
      );
      expect(await Promise.all(['02', '04'].map(firstOf))).toEqual([3, 6]);
      expect(await faultOf(all(own))).toEqual({ kind: 'removed', sequence: 4 });
    } finally {
      await own.stop();
    }
  });

  test.each([
    ['actor', { S: 'somebody' }],
    ['details', { S: '{"reason":"Another."}' }],
    ['details', { S: 'garbled' }],
    ['details', { S: '[null]' }],
    ['hash', { NULL: true }],
  ])('tells a record whose %s was edited in the table as edited, and goes on', async (name, value) => {
    const own = await startBooks();
    try {
      for (let count = 0; count < 3; count += 1) await appendWith(own, entry(), []);
      await own.client.send(
        new UpdateItemCommand({
          TableName: own.operationsTable,
          Key: toItem({ pk: AUDIT_PARTITION, sk: auditSortKey(2) }),
          UpdateExpression: 'SET #name = :value',
          ExpressionAttributeNames: { '#name': name },
          ExpressionAttributeValues: { ':value': value as { S: string } },
        }),
      );
      expect(await faultOf(all(own))).toEqual({ kind: 'edited', sequence: 2 });
      expect((await appendWith(own, entry(), [])).kind).toBe('appended');
    } finally {
      await own.stop();
    }
  });
});
