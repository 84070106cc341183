import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OperationRule } from '../../domain/rating/price.ts';
import type { RateCard } from '../../domain/rating.ts';
import { publishRateCard, putLedgerControl, readSettings } from '../../store/settings.ts';
import { startBooks, type TestBooks } from '../support/books.ts';

let books: TestBooks;

beforeAll(async () => {
  books = await startBooks();
});
afterAll(() => books.stop());

const NOW = '2026-11-20T08:00:00.000Z';
const card: RateCard = {
  name: 'standard',
  effectiveFrom: '2026-01-01T00:00:00.000Z',
  asset: 'TOKEN',
  revenueAccount: 'platform:revenue:usage',
  operations: {
    completion: { prices: { input_tokens: { amount: 3n, per: 1_000_000n } }, minimum: 1n, rounding: 'up' },
    search: { prices: { requests: { amount: 2n, per: 1n } }, minimum: 0n, rounding: 'half-up' },
  },
};

test('a published version is read back as it was, and never changes', async () => {
  expect(await publishRateCard(books, card, NOW, 'key-1')).toEqual({ kind: 'created' });
  expect(await publishRateCard(books, card, NOW, 'key-1')).toEqual({ kind: 'replayed' });
  const dearer = { ...card, operations: { ...card.operations, search: { ...card.operations.search, minimum: 5n } } };
  expect(await publishRateCard(books, dearer as RateCard, NOW, 'key-1')).toEqual({
    kind: 'conflict',
    field: 'operations.search',
  });
  expect((await readSettings(books)).rateCards).toEqual([card]);
});

test('tiers and overrides are read back as they were, and belong to what never changes', async () => {
  const tiers = [
    { upTo: 1000n, amount: 3n, per: 1000n },
    { upTo: null, amount: 2n, per: 1000n },
  ];
  const rule = (mode: 'graduated' | 'volume'): OperationRule => ({
    prices: { requests: { amount: 1n, per: 1n }, tokens: { mode, tiers } },
    minimum: 1n,
    rounding: 'half-even',
  });
  const tiered: RateCard = {
    ...card,
    name: 'tiered',
    operations: { chat: rule('graduated') },
    overrides: { 'customer:acme': { chat: rule('volume') }, 'customer:none': {} },
  };
  const differing: readonly [Partial<RateCard>, string][] = [
    [{ operations: { chat: rule('volume') } }, 'operations.chat'],
    [{ overrides: {} }, 'overrides.customer:acme'],
    [
      { overrides: { ...tiered.overrides, 'customer:acme': { chat: rule('graduated') } } },
      'overrides.customer:acme.chat',
    ],
    [{ overrides: { ...tiered.overrides, 'customer:new': {} } }, 'overrides.customer:new'],
  ];
  expect(await publishRateCard(books, tiered, NOW, 'key-1')).toEqual({ kind: 'created' });
  expect(await publishRateCard(books, tiered, NOW, 'key-1')).toEqual({ kind: 'replayed' });
  for (const [change, field] of differing) {
    expect(await publishRateCard(books, { ...tiered, ...change }, NOW, 'key-1')).toEqual({ kind: 'conflict', field });
  }
  const { rateCards } = await readSettings(books);
  expect(rateCards.find(({ name }) => name === 'tiered')).toEqual(tiered);
});

test('a card that was stored before there were tiers and overrides is read as it was meant', async () => {
  const price = { M: { amount: { N: '3' }, per: { N: '1000000' } } };
  const rule = { M: { prices: { M: { tokens: price } }, minimum: { N: '1' }, rounding: { S: 'up' } } };
  const Item = {
    pk: { S: 'settings' },
    sk: { S: 'rate-card#old#2025-01-01T00:00:00.000Z' },
    name: { S: 'old' },
    effectiveFrom: { S: '2025-01-01T00:00:00.000Z' },
    asset: { S: 'TOKEN' },
    revenueAccount: { S: 'platform:revenue:usage' },
    operations: { M: { chat: rule } },
    publishedAt: { S: NOW },
  };
  await books.client.send(new PutItemCommand({ TableName: books.operationsTable, Item }));
  const old: RateCard = {
    name: 'old',
    effectiveFrom: '2025-01-01T00:00:00.000Z',
    asset: 'TOKEN',
    revenueAccount: 'platform:revenue:usage',
    operations: { chat: { prices: { tokens: { amount: 3n, per: 1_000_000n } }, minimum: 1n, rounding: 'up' } },
  };
  const { rateCards } = await readSettings(books);
  expect(rateCards.find(({ name }) => name === 'old')).toEqual(old);
  expect(await publishRateCard(books, { ...old, overrides: {} }, NOW, 'key-1')).toEqual({ kind: 'replayed' });
});

test('versions of one card stand beside each other', async () => {
  await publishRateCard(books, { ...card, effectiveFrom: '2026-06-01T00:00:00.000Z' }, NOW, 'key-1');
  const { rateCards } = await readSettings(books);
  expect(rateCards.filter(({ name }) => name === card.name)).toHaveLength(2);
});

test('the ledger goes on unless somebody paused it; the last word counts', async () => {
  expect((await readSettings(books)).ledgerControl).toEqual({ paused: false, reason: '' });
  const paused = { paused: true, reason: 'Trial balance broken.', changedAt: NOW, changedBy: 'key-1' };
  await putLedgerControl(books, paused);
  expect((await readSettings(books)).ledgerControl).toEqual(paused);
});
