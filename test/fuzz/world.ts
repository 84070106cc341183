import fc from 'fast-check';
import type { Installation } from '../../bin/boot.ts';
import { expectOk } from '../../demo/play.ts';
import { addDays, dayOf } from '../../domain/time.ts';
import type { Surroundings } from './requests.ts';

/** What stands in the books before anybody sends nonsense, so that some of it hits something. */

const ACCOUNTS = [
  'customer:fuzz-1',
  'customer:fuzz-2',
  'customer:fuzz-1:team',
  'customer:fuzz-frozen',
  'customer:fuzz-closed',
  'postpaid:fuzz',
  'merchant:fuzz',
  'platform:funding',
  'platform:sink',
  'customer:nobody',
];

export async function prepareWorld({ client }: Installation, today: string): Promise<void> {
  const openedOn = addDays(today, -3);
  const standard = {
    asset: 'TOKEN',
    revenueAccount: 'platform:revenue:usage',
    effectiveFrom: `${openedOn}T00:00:00.000Z`,
    operations: {
      search: { prices: { requests: { amount: 2 }, input_tokens: { amount: 1, per: 100 } }, minimum: 1 },
      embedding: { prices: { requests: { amount: 0 }, input_tokens: { amount: 1, per: 1000 } } },
    },
  };
  expectOk(await client.publishRateCard({ body: { name: 'standard', ...standard } }));
  for (const id of ACCOUNTS.filter((account) => account.includes('fuzz'))) {
    const isStrict = id.startsWith('customer:');
    expectOk(await client.openAccount({ body: { id, ...(isStrict && { openedOn }) } }));
  }
  const fund = { debit: 'platform:funding', asset: 'TOKEN', amount: '1000000' };
  for (const number of [1, 2]) {
    expectOk(await client.postTransfer({ body: { ...fund, id: `f-${number}`, credit: `customer:fuzz-${number}` } }));
  }
  expectOk(await client.freezeAccount({ params: { accountId: 'customer:fuzz-frozen' }, body: { reason: 'A test.' } }));
  expectOk(await client.closeAccount({ params: { accountId: 'customer:fuzz-closed' }, body: { reason: 'A test.' } }));
  const [account, source] = ['customer:fuzz-1', 'platform:promotions'];
  expectOk(await client.postGrant({ body: { id: 'f-3', account, source, amount: '500' } }));
  for (const id of ['f-4', 'f-5']) {
    expectOk(await client.createHold({ body: { id, account, amount: '10', credit: 'platform:sink' } }));
  }
  const usage = { account, operation: 'search', quantities: { requests: '1' }, occurredAt: `${openedOn}T10:00:00Z` };
  expectOk(await client.recordUsage({ body: { requestId: 'f-6', ...usage } }));
  expectOk(await client.createImport({ body: { id: 'f-7', format: 'csv' } }));
  expectOk(await client.createKey({ body: { id: '00000000000000f8', name: 'a key', scopes: ['ledger:read'] } }));
}

/** @param keys keys that requests come with. */
export function surroundings(today: string, keys: readonly string[]): Surroundings {
  const id = fc.oneof(
    fc.integer({ min: 1, max: 9 }).map((number) => `f-${number}`),
    fc.integer({ min: 10, max: 5_000 }).map((number) => `f-${number}`),
  );
  const keyId = fc.constantFrom('00000000000000f8', '00000000000000f9', 'ffffffffffffffff');
  const account = fc.oneof(
    { arbitrary: fc.constantFrom('customer:fuzz-1', 'customer:fuzz-2'), weight: 3 },
    { arbitrary: fc.constantFrom(...ACCOUNTS), weight: 1 },
  );
  const day = fc.integer({ min: -3, max: 0 }).map((days) => addDays(dayOf(`${today}T00:00:00.000Z`), days));
  const time = fc.tuple(day, fc.nat(86_399)).map(([on, second]) => {
    return new Date(Date.parse(`${on}T00:00:00Z`) + second * 1_000).toISOString();
  });
  const amount = fc.oneof(
    fc.integer({ min: 0, max: 300 }).map(String),
    fc.nat(300),
    fc.constantFrom('1000001', '999999999999999999999999'),
  );
  const debit = fc.oneof(account, fc.constant('platform:funding'));
  const months = [-40, -1].map((days) => addDays(`${today.slice(0, 7)}-01`, days).slice(0, 7));
  const month = fc.constantFrom(...months, today.slice(0, 7), '2026-13');
  const likely = {
    ...Object.fromEntries(['account', 'credit', 'subject', 'accounts[]'].map((name) => [name, account])),
    debit,
    ...Object.fromEntries(
      ['source', 'revenueAccount'].map((name) => [name, fc.constantFrom('platform:promotions', 'gateway')]),
    ),
    ...Object.fromEntries(['id', 'requestId', 'runId'].map((name) => [name, id])),
    ...Object.fromEntries(['startDate', 'endDate', 'from', 'to', 'openedOn'].map((name) => [name, day])),
    ...Object.fromEntries(['effectiveAt', 'occurredAt', 'time', 'at', 'knownAt'].map((name) => [name, time])),
    ...Object.fromEntries(['amount', 'creditLimit', '*value', 'minimum', 'upTo'].map((name) => [name, amount])),
    operation: fc.constantFrom('search', 'search', 'search', 'embedding', 'nothing'),
    type: fc.constantFrom('charge', 'transfer', 'search'),
    asset: fc.constantFrom(...Array(8).fill('TOKEN'), 'USD/2', 'USD/6'),
    '*': fc.constantFrom('requests', 'input_tokens'),
    group: fc.constantFrom('g-1', 'g-2'),
    month,
    expiresAt: fc.constantFrom(`${addDays(today, 2)}T00:00:00Z`, `${addDays(today, -2)}T00:00:00Z`),
    expiresInSeconds: fc.constantFrom(60, 3_600, 604_801, 0),
    rateCard: fc.constantFrom('standard', 'postpaid', 'none'),
  };
  const parameters = {
    accountId: account,
    invoiceId: fc.tuple(month, account).map((parts) => parts.join(':')),
    keyId,
    '*': id,
  };
  const [first = '', ...others] = keys.map((key) => `Bearer ${key}`);
  const authorization = fc.oneof(
    { arbitrary: fc.constant(first), weight: 20 },
    {
      arbitrary: fc.constantFrom(
        ...others,
        '',
        'Bearer',
        `bearer ${keys[0]}`,
        'Basic YTpi',
        'Bearer rk_dev_x',
        'Bearer \u00ff',
        `Bearer ${'a'.repeat(5_000)}`,
      ),
      weight: 1,
    },
  );
  return { likely, parameters, authorization };
}
