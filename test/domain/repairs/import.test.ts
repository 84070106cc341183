import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Chart, ChartEntry } from '../../../domain/chart.ts';
import type { RateCard } from '../../../domain/rating.ts';
import type { RequestFacts } from '../../../domain/repairs/facts.ts';
import { distinctEntries, type Entry, planEntry, priceOfEntry } from '../../../domain/repairs/import.ts';
import type { Transfer } from '../../../domain/transfers.ts';

const AT = '2026-11-19T10:00:00.000Z';
const digest = (text: string) => createHash('sha256').update(text).digest('hex');

const CUSTOMER: ChartEntry = {
  ...{ pattern: 'customer:*', asset: 'TOKEN', balance: 'strict', party: 'customer', shards: 1, rateCard: 'standard' },
};
const PLATFORM: ChartEntry = {
  pattern: 'platform:**',
  asset: 'TOKEN',
  balance: 'derived',
  party: 'platform',
  shards: 1,
};
const CHART: Chart = [CUSTOMER, PLATFORM];
const CARDS: readonly RateCard[] = [
  {
    ...{
      name: 'standard',
      effectiveFrom: '2026-01-01T00:00:00.000Z',
      asset: 'TOKEN',
      revenueAccount: 'platform:revenue',
    },
    operations: { chat: { prices: { units: { amount: 2n, per: 1n } }, minimum: 0n, rounding: 'up' } },
  },
];

const entry = (fields: Partial<Entry> = {}): Entry => ({
  ...{ line: 2, account: 'customer:acme', requestId: 'r-1', operation: 'chat', occurredAt: AT, amount: 5n },
  ...fields,
});
const facts = (fields: Partial<RequestFacts> = {}): RequestFacts => ({
  ...{ account: 'customer:acme', requestId: 'r-1', chargeable: true, transfers: [], evidence: new Map([[AT, []]]) },
  ...{ idTaken: false, slots: 0, complete: true },
  ...fields,
});
const PRICE = { amount: 5n, credit: 'platform:revenue' };
const posted = (fields: Partial<Transfer> = {}) => {
  const transfer: Transfer = {
    ...{ id: 'r-1', kind: 'charge', debit: 'customer:acme', credit: 'platform:revenue', asset: 'TOKEN', amount: 5n },
    ...{ effectiveAt: AT, recordedAt: AT, requestId: 'r-1', operation: 'chat' },
    ...fields,
  };
  return { transfer, reversals: { remaining: transfer.amount, ids: [] } };
};
const planned = (more: Partial<RequestFacts>, fields: Partial<Entry> = {}) =>
  planEntry(entry(fields), facts(more), PRICE, CUSTOMER, digest);

describe('rows of one file', () => {
  it('that say the same are one entry, in the order of the file', () => {
    const rows = [entry({ requestId: 'b' }), entry({ requestId: 'a', line: 3 }), entry({ requestId: 'b', line: 4 })];
    const { entries, duplicates, refused } = distinctEntries(rows);
    expect(entries.map(({ line }) => line)).toEqual([2, 3]);
    expect([duplicates, refused]).toEqual([1, []]);
  });

  it('that say the same quantities in another order are one entry', () => {
    const quantities = [
      { a: 1n, b: 2n },
      { b: 2n, a: 1n },
    ];
    const rows = quantities.map((each, index) => entry({ line: index + 2, quantities: each }));
    expect(distinctEntries(rows)).toMatchObject({ entries: [{ line: 2 }], duplicates: 1 });
  });

  it.each([
    ['account', { account: 'customer:other' }],
    ['operation', { operation: 'other' }],
    ['amount', { amount: 6n }],
    ['time', { occurredAt: '2026-11-19T10:00:00.001Z' }],
    ['description', { description: 'other' }],
  ])('that say another %s of one request are refused, all of them', (_, other) => {
    const { entries, refused } = distinctEntries([entry(), entry({ line: 3, ...other })]);
    expect(entries).toEqual([]);
    expect(refused.map(({ refusal }) => refusal.rule)).toEqual(Array(2).fill(expect.stringContaining('lines 2, 3')));
  });
});

describe('the price of an entry', () => {
  const priced = (fields: Partial<Entry>, chart = CHART, cards = CARDS) =>
    priceOfEntry(entry(fields), CUSTOMER, chart, cards);
  const { amount: _amount, ...unsaid } = entry();

  it('is what the rate card of its time says of its quantities', () => {
    const quantities = { units: 4n };
    const price = { amount: 8n, credit: 'platform:revenue', rateCard: 'standard@2026-01-01T00:00:00.000Z' };
    expect(priceOfEntry({ ...unsaid, quantities }, CUSTOMER, CHART, CARDS)).toEqual(price);
    expect(priced({ quantities, amount: 8n })).toEqual(price);
  });

  it('is its amount where it has no quantities', () => {
    expect(priced({})).toEqual({ amount: 5n, credit: 'platform:revenue' });
  });

  it.each([
    ['amount', 'must be 8', { quantities: { units: 4n } }, CARDS],
    ['quantities', 'has no price', { quantities: { seconds: 4n } }, CARDS],
    ['operation', 'has no price', { quantities: { units: 4n }, operation: 'other' }, CARDS],
    ['occurred_at', 'none', { occurredAt: '2025-11-19T10:00:00.000Z' }, CARDS],
    ['occurred_at', 'none', {}, []],
  ])('is refused by the field %s: %s', (field, rule, fields, cards) => {
    expect(priced(fields, CHART, cards)).toEqual({ field, rule: expect.stringContaining(rule) });
  });

  it('is refused where neither amount nor quantities are said, or the card does not fit the chart', () => {
    expect(priceOfEntry(unsaid, CUSTOMER, CHART, CARDS)).toMatchObject({ field: 'amount' });
    expect(priced({}, [CUSTOMER])).toMatchObject({ field: 'account' });
  });
});

describe('an entry', () => {
  it('that the ledger does not have is a charge under the request’s own id, at its own time', () => {
    const { step } = { step: undefined, ...planned({}, { description: 'late', findingId: 'f-1' }) };
    expect(step).toMatchObject({
      ...{ kind: 'charge', id: 'r-1', findingId: 'f-1', basis: { transferIds: [], moments: [AT] } },
      transfer: { id: 'r-1', effectiveAt: AT, amount: 5n, description: 'late' },
    });
  });

  it('that the ledger has exactly is unchanged', () => {
    expect(planned({ transfers: [posted()] })).toEqual({ kind: 'unchanged' });
  });

  it.each<[string, Partial<RequestFacts>, string]>([
    ['has another amount in the ledger', { transfers: [posted({ amount: 6n })] }, 'another "amount"'],
    ['was corrected', { transfers: [posted(), posted({ id: 'c', corrects: 'r-1' })] }, 'corrected or reversed'],
    ['is charged under another id', { transfers: [posted({ id: 'x' })] }, 'by the transfer "x"'],
    ['has an id that something else has', { idTaken: true }, 'id of another transfer'],
    ['is of an account that is not opened', { chargeable: false }, 'must be opened'],
    ['has more in the ledger than is read', { complete: false }, 'more transfers'],
  ])('that %s is refused', (_, more, rule) => {
    expect(planned(more)).toMatchObject({ kind: 'refused', refusal: { rule: expect.stringContaining(rule) } });
  });
});
