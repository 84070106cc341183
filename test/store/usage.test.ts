import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { UsageEvent } from '../../domain/evidence.ts';
import { systemClock } from '../../store/retry.ts';
import { recordEvidence, type UsageStore } from '../../store/usage.ts';
import { startBooks, type TestBooks } from '../support/books.ts';

let books: TestBooks;
let store: UsageStore;

beforeAll(async () => {
  books = await startBooks();
  store = { client: books.client, usageTable: books.usageTable, clock: systemClock, seenAccounts: new Set() };
});
afterAll(() => books.stop());

const NOW = '2026-11-20T08:00:01.000Z';
const event: UsageEvent = {
  requestId: 'req-1',
  account: 'customer:acme',
  operation: 'completion',
  quantities: { input_tokens: 10n, output_tokens: 2n },
  occurredAt: '2026-11-20T08:00:00.000Z',
  source: 'gateway',
};

async function keys(): Promise<string[]> {
  const { Items } = await books.client.send(new ScanCommand({ TableName: books.usageTable }));
  return (Items ?? []).map((item) => `${item.pk?.S} / ${item.sk?.S}`).sort();
}

test('keeps the same evidence once, whoever says it, and lists its account', async () => {
  expect(await recordEvidence(store, event, { shards: 1 }, NOW)).toBe('recorded');
  const witness = { ...event, source: 'log-export', quantities: { output_tokens: 2n, input_tokens: 10n } };
  expect(await recordEvidence(store, witness, { shards: 1 }, NOW)).toBe('duplicate');
  const found = await keys();
  expect(found).toHaveLength(2);
  expect(found[0]).toMatch(/^accounts#\d\d \/ customer:acme$/);
  expect(found[1]).toMatch(/^customer:acme#2026-11-20 \/ 2026-11-20T08:00:00.000Z#req-1#[0-9a-f]{16}$/);
});

test('keeps different evidence under one request id beside the first', async () => {
  const other = { ...event, quantities: { input_tokens: 11n, output_tokens: 2n } };
  expect(await recordEvidence(store, other, { shards: 1 }, NOW)).toBe('recorded');
  expect(await keys()).toHaveLength(3);
});

test('spreads an account of several shards over several partitions', async () => {
  for (let index = 0; index < 20; index += 1) {
    const sharded = { ...event, account: 'postpaid:p1', requestId: `sharded-${index}` };
    await recordEvidence(store, sharded, { shards: 4 }, NOW);
  }
  const partitions = new Set(
    (await keys()).filter((key) => key.startsWith('postpaid')).map((key) => key.split(' ')[0]),
  );
  expect(partitions.size).toBeGreaterThan(1);
});
