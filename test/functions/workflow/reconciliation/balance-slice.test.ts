import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect, it } from 'vitest';
import { chart } from '../../../../config/chart.ts';
import { createCounter } from '../../../../domain/reconciliation/summary.ts';
import { addMilliseconds, dayOf } from '../../../../domain/time.ts';
import { checkBalances } from '../../../../functions/workflow/reconciliation/balance-slice.ts';

/** The tables of one strict account, on a clock that moves with every call. The indexes are behind the table. */
interface World {
  /** Charges: when they are recorded, in milliseconds from the start, and how long before that they count. */
  readonly charges: readonly { readonly at: number; readonly countedBefore?: number }[];
  /** Debits in the figures that no transfer stands for. */
  readonly tooMuch?: number;
  readonly openedOn?: string;
  readonly balance?: 'strict' | 'derived';
}

const START = '2026-11-20T12:00:00.000Z';
const INDEX_LAG_MS = 100;
const GET_MS = 5;
const QUERY_MS = 1;

it('calls no drift on an account that is charged while it is checked', async () => {
  const { findings, summary } = await check({ charges: [-500, -10, 1_500, 2_050, 2_200].map((at) => ({ at })) });
  expect(findings).toEqual([]);
  expect(summary).toMatchObject({ balancesChecked: 1, accountsTooBusy: 0 });
});

it.each([2_020, 2_025, 2_030, 2_035, 2_040])(
  'calls no drift on a charge just before it looks again, at %i ms',
  async (at) => {
    const { findings, summary } = await check({ charges: [-10, at].map((each) => ({ at: each })) });
    expect(findings).toEqual([]);
    expect(summary).toMatchObject({ balancesChecked: 1, accountsTooBusy: 0 });
  },
);

it('calls no drift on charges that come in late and count long before', async () => {
  const late = { countedBefore: 3 * 24 * 3_600_000 };
  const { findings, summary } = await check({ charges: [-2_000, -50, 40, 2_060].map((at) => ({ at, ...late })) });
  expect(findings).toEqual([]);
  expect(summary).toMatchObject({ balancesChecked: 1, accountsTooBusy: 0 });
});

it('checks an account that is charged several times a second and was opened years ago', async () => {
  const charges = Array.from({ length: 600 }, (_, index) => ({ at: index * 300 - 90_000 }));
  const { findings, summary } = await check({ charges, openedOn: '2024-11-20' });
  expect(findings).toEqual([]);
  expect(summary).toMatchObject({ balancesChecked: 1, accountsTooBusy: 0 });
});

it('finds a drift of a quiet account', async () => {
  const { findings } = await check({ charges: [{ at: -5_000 }], tooMuch: 3 });
  expect(findings).toMatchObject([{ kind: 'balance-drift', expected: -1n, actual: -4n }]);
});

it('counts an account as too busy whose balance never stands still', async () => {
  const charges = Array.from({ length: 20_000 }, (_, index) => ({ at: index * 2 - 10_000 }));
  const { findings, summary } = await check({ charges });
  expect(findings).toEqual([]);
  expect(summary).toMatchObject({ balancesChecked: 0, accountsTooBusy: 1 });
});

it('counts no account as checked that keeps no figures', async () => {
  const { findings, summary } = await check({ charges: [], balance: 'derived' });
  expect(findings).toEqual([]);
  expect(summary).toMatchObject({ accountsSeen: 1, balancesChecked: 0, accountsTooBusy: 0 });
});

async function check(world: World) {
  let elapsed = 0;
  const deps = {
    books: { client: clientOf(world, (ms) => (elapsed += ms)), ledgerTable: 'ledger', usageTable: 'usage' },
    chart,
    now: () => addMilliseconds(START, elapsed),
    sweptUntil: async () => undefined,
    wait: async (ms: number) => {
      elapsed += ms;
    },
  };
  const counter = createCounter();
  const slice = { id: 'balances-00', kind: 'balances', buckets: ['00'] } as const;
  const findings = await Array.fromAsync(checkBalances(deps, slice, START, counter));
  return { findings: findings.flat(), summary: counter.result() };
}

function clientOf(world: World, pass: (ms: number) => number): DynamoDBClient {
  const charges = world.charges.map(({ at, countedBefore = 0 }) => ({
    at,
    key: `${addMilliseconds(START, at - countedBefore)}#r${at}`,
  }));
  const send = async ({ input }: { input: Record<string, unknown> }) => {
    if (input.Key !== undefined) {
      const now = pass(GET_MS);
      return { Item: accountItem(world, charges.filter(({ at }) => at <= now).length + (world.tooMuch ?? 0)) };
    }
    if (input.IndexName === 'byBucket') return { Items: [{ account: { S: 'customer:a' } }] };
    if (input.IndexName !== 'byDebit') return { Items: [] };
    const now = pass(QUERY_MS);
    const values = input.ExpressionAttributeValues as Record<string, { S: string }>;
    const moment = values[':moment']?.S ?? '';
    const isBefore = String(input.KeyConditionExpression).includes('<');
    const found = charges.filter(
      ({ at, key }) =>
        at <= now - INDEX_LAG_MS &&
        values[':partition']?.S === `customer:a#${dayOf(key)}` &&
        (isBefore ? key < moment : key >= moment),
    );
    return { Items: found.map(() => ({ amount: { N: '1' } })) };
  };
  return { send } as unknown as DynamoDBClient;
}

function accountItem({ openedOn = '2026-11-10', balance = 'strict' }: World, debits: number) {
  return {
    account: { S: 'customer:a' },
    asset: { S: 'TOKEN' },
    balance: { S: balance },
    status: { S: 'open' },
    openedOn: { S: openedOn },
    createdAt: { S: START },
    creditLimit: { N: '0' },
    credits: { N: '0' },
    debits: { N: String(debits) },
    available: { N: String(-debits) },
  };
}
