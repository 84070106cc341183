import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { RateCard } from '../../../../domain/rating.ts';
import { publishRateCard } from '../../../../store/settings.ts';
import { type BillingWorld, MONTH, startBillingWorld } from '../../../support/billing-world.ts';

const ACME = 'customer:acme';
const BOLT = 'customer:bolt';
const NEXT = 'standard@2026-12-01T00:00:00.000Z';
let world: BillingWorld;
let restore: () => Promise<void>;

/** Three for two, and no price for what is not chat. */
const next: RateCard = {
  name: 'standard',
  effectiveFrom: '2026-12-01T00:00:00.000Z',
  asset: 'TOKEN',
  revenueAccount: 'platform:revenue',
  operations: { chat: { prices: { units: { amount: 3n, per: 2n } }, minimum: 0n, rounding: 'up' } },
};

beforeAll(async () => {
  world = await startBillingWorld();
  world.rateCards = [...world.rateCards, next];
  for (const card of world.rateCards) {
    await publishRateCard(world.tables, card, '2026-01-01T00:00:00.000Z', 'test');
  }
  await world.opened(ACME, 10_000n);
  await world.charged(ACME, 'a-1', 80n);
  await world.charged(ACME, 'a-2', 7n);
  restore = await world.remember();
});
beforeEach(async () => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  await restore();
});

afterAll(() => world.stop());

const compare = (id: string, more: object = {}) =>
  world.run({ id, kind: 'parity', month: MONTH, rateCard: NEXT, ...more });
const rowsOf = async (id: string, name = 'parity.csv') => (await world.file(id, name)).trim().split('\r\n').slice(1);

test('each line that differs is told beside what was billed, and nothing is posted or changed', async () => {
  await world.run({ id: 'october', kind: 'generate', month: MONTH });
  const before = await world.invoice(ACME);
  const run = await compare('next');
  expect(run.error).toBeUndefined();
  // 80 by 3 for 2 is 120, 7 is 10.5 and so 11: each charge is rounded once.
  expect(await rowsOf('next')).toEqual(['2026-10:customer:acme,customer:acme,usage,chat,TOKEN,2,2,87,131,44,50.58']);
  expect(await rowsOf('next', 'accounts.csv')).toEqual(['customer:acme,TOKEN,87,131,44,50.58,1,0']);
  expect(run.outcome).toMatchObject({
    sentence: `Parity of 2026-10 with ${NEXT}: 1 lines differ, of 1 of 1 customers; 0 charges could not be priced.`,
    counts: { same: 0, differs: 1, 'lines-that-differ': 1, 'charges-not-priced': 0 },
    totals: [{ asset: 'TOKEN', before: '87', after: '131' }],
  });
  expect(await world.file('next', 'report.html')).toContain('They differ');
  expect(await world.invoice(ACME)).toEqual(before);
});

test('the version that was in force gives what was billed, and the same run again the same files', async () => {
  const own = 'standard@2026-01-01T00:00:00.000Z';
  const run = await compare('same', { rateCard: own });
  expect(run.outcome?.counts).toEqual({ same: 1, differs: 0, 'lines-that-differ': 0, 'charges-not-priced': 0 });
  expect(await rowsOf('same')).toEqual([]);
  await compare('same-again', { rateCard: own });
  expect(await world.file('same-again', 'accounts.csv')).toBe(await world.file('same', 'accounts.csv'));
});

test('what the version does not price stands as billed, and is counted and named', async () => {
  await world.charged(ACME, 'a-3', 5n, { operation: 'embed' });
  await world.charged(ACME, 'a-4', 6n, { operation: 'embed' });
  const run = await compare('unpriced');
  expect(run.outcome?.counts).toMatchObject({ 'lines-that-differ': 1, 'charges-not-priced': 2 });
  const [named] = (await world.file('unpriced', 'unpriced.ndjson')).trim().split('\n');
  expect(JSON.parse(named ?? '')).toMatchObject({
    ...{ account: ACME, unit: ACME, operation: 'embed', charges: 2, transferIds: ['a-3', 'a-4'] },
    rule: expect.stringContaining('has no operation "embed"'),
  });
});

test('a charge that was wholly taken back costs nothing by the other version either', async () => {
  const back = { debit: 'platform:revenue', credit: ACME, operation: 'chat', effectiveAt: `${MONTH}-15T12:00:00.000Z` };
  await world.posted({ id: 'back', ...back, amount: 80n, corrects: 'a-1', requestId: 'a-1' });
  await world.posted({ id: 'part', ...back, amount: 1n, corrects: 'a-2', requestId: 'a-2' });
  const run = await compare('corrected');
  expect(await rowsOf('corrected')).toEqual([
    '2026-10:customer:acme,customer:acme,correction,chat,TOKEN,2,2,-81,-121,-40,49.39',
    '2026-10:customer:acme,customer:acme,usage,chat,TOKEN,2,2,87,131,44,50.58',
  ]);
  // Of 7 were 6 left; by 3 for 2 of 11 are 10 left.
  expect(run.outcome?.totals).toEqual([{ asset: 'TOKEN', before: '6', after: '10' }]);
});

test('taxes follow the other prices, and customers of another card are not compared', async () => {
  const tax = {
    description: 'VAT',
    asset: 'TOKEN',
    rate: { of: 10n, per: 100n },
    on: ['usage'],
    rounding: 'down',
  } as const;
  world.policy = { ...world.policy, taxes: [tax] };
  await world.charged('postpaid:acme', 'p-1', 9n);
  const run = await compare('taxed');
  expect(run.outcome?.counts).toMatchObject({ same: 0, differs: 1 });
  expect((await rowsOf('taxed')).map((row) => row.split(',').slice(2, 5).concat(row.split(',').slice(7, 10)))).toEqual([
    ['tax', 'vat', 'TOKEN', '8', '13', '5'],
    ['usage', 'chat', 'TOKEN', '87', '131', '44'],
  ]);
});

test('accounts may be named; one without transfers, and a version that is not published, are refused', async () => {
  await world.opened(BOLT, 100n, '2026-11-01');
  expect((await compare('named', { accounts: [ACME] })).outcome?.counts).toMatchObject({ differs: 1 });
  const run = await compare('nothing', { accounts: [ACME, BOLT] });
  expect(run.error).toMatchObject({
    name: 'NothingToInvoiceError',
    cause: expect.stringContaining('customer:bolt has no transfers in 2026-10 and no invoice'),
  });
  const unknown = { id: 'unknown', kind: 'parity', month: MONTH, rateCard: 'standard@2026-12-02T00:00:00.000Z' };
  expect(await world.send('POST /v1/billing-runs', { body: unknown })).toMatchObject({
    status: 400,
    body: { errors: [{ field: 'rateCard', rule: 'must be a published version, of which there are 2' }] },
  });
});
