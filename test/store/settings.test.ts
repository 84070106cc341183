import { afterAll, beforeAll, expect, test } from 'vitest';
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
  expect(await publishRateCard(books, card, NOW)).toEqual({ kind: 'created' });
  expect(await publishRateCard(books, card, NOW)).toEqual({ kind: 'replayed' });
  const dearer = { ...card, operations: { ...card.operations, search: { ...card.operations.search, minimum: 5n } } };
  expect(await publishRateCard(books, dearer as RateCard, NOW)).toEqual({
    kind: 'conflict',
    field: 'operations.search',
  });
  expect((await readSettings(books)).rateCards).toEqual([card]);
});

test('versions of one card stand beside each other', async () => {
  await publishRateCard(books, { ...card, effectiveFrom: '2026-06-01T00:00:00.000Z' }, NOW);
  expect((await readSettings(books)).rateCards).toHaveLength(2);
});

test('the ledger goes on unless somebody paused it; the last word counts', async () => {
  expect((await readSettings(books)).ledgerControl).toEqual({ paused: false, reason: '' });
  const paused = { paused: true, reason: 'Trial balance broken.', changedAt: NOW, changedBy: 'key-1' };
  await putLedgerControl(books, paused);
  expect((await readSettings(books)).ledgerControl).toEqual(paused);
});
