import { afterAll, beforeAll, expect, test } from 'vitest';
import { chart } from '../../../config/chart.ts';
import { chartEntryOf } from '../../../domain/chart.ts';
import type { RateCard } from '../../../domain/rating.ts';
import type { Finding } from '../../../domain/reconciliation/findings.ts';
import { createCounter } from '../../../domain/reconciliation/summary.ts';
import { makeHandler } from '../../../functions/api/ledger.ts';
import { createSettingsCache } from '../../../functions/runtime/settings.ts';
import { compareUsage } from '../../../functions/workflow/reconciliation/usage-slice.ts';
import { systemClock } from '../../../store/retry.ts';
import { publishRateCard } from '../../../store/settings.ts';
import { bucketOf } from '../../../store/tables.ts';
import { recordEvidence } from '../../../store/usage.ts';
import { call } from '../../support/api.ts';
import { startBooks, type TestBooks } from '../../support/books.ts';

const NOW = '2026-11-20T08:00:00.000Z';
const DAY = '2026-11-20';
const OWN = 'customer:acme';
const OTHERS = ['customer:beta', 'customer:gamma'];
const perRequest = (amount: bigint) => ({
  prices: { requests: { amount, per: 1n } },
  minimum: 0n,
  rounding: 'up' as const,
});
const card: RateCard = {
  name: 'standard',
  effectiveFrom: '2026-11-01T00:00:00.000Z',
  asset: 'TOKEN',
  revenueAccount: 'platform:revenue:usage',
  operations: { search: perRequest(50n) },
  overrides: { [OWN]: { search: perRequest(3n) } },
};
let books: TestBooks;

beforeAll(async () => {
  books = await startBooks();
  await publishRateCard(books, card, NOW, 'key-1');
});
afterAll(() => books.stop());

test('an account is charged by its own prices and others by the card, and the reconciliation agrees', async () => {
  const { client, ledgerTable } = books;
  let ids = 0;
  const handler = makeHandler({
    store: { client, ledgerTable, clock: systemClock, newId: () => `token-${ids++}`, listed: new Set() },
    audit: books,
    settings: createSettingsCache(books, () => 0),
    chart,
    now: () => NOW,
  });
  const evidence = { client, usageTable: books.usageTable, clock: systemClock, seenAccounts: new Set<string>() };
  const amounts: Record<string, unknown> = {};
  for (const account of [...OTHERS, OWN]) {
    await call(handler, 'POST /v1/accounts', { body: { id: account, openedOn: DAY, creditLimit: '100' } });
    const asked = { account, operation: 'search', quantities: {} };
    const { body } = await call(handler, 'POST /v1/charges', { body: { ...asked, id: `req-${account}` } });
    amounts[account] = body.amount;
    const event = { ...asked, requestId: `req-${account}`, occurredAt: NOW };
    await recordEvidence(evidence, event, chartEntryOf(chart, account) ?? { shards: 1 }, NOW);
  }
  expect(amounts).toEqual({ [OWN]: '3', 'customer:beta': '50', 'customer:gamma': '50' });

  const buckets = [...new Set([OWN, ...OTHERS].map(bucketOf))];
  const slice = { id: 'usage', kind: 'usage' as const, buckets, day: DAY };
  const counter = createCounter();
  const findings: Finding[] = [];
  const period = { start: DAY, end: '2026-11-21' };
  for await (const found of compareUsage({ books, chart, rateCards: [card] }, slice, period, counter)) {
    findings.push(...found);
  }
  expect(findings).toEqual([]);
});
