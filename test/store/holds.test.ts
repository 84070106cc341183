import { TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chart } from '../../config/chart.ts';
import { type ChartEntry, chartEntryOf, type OverCapture } from '../../domain/chart.ts';
import { expiryOf, type Hold, releaseOf } from '../../domain/holds.ts';
import { addMilliseconds } from '../../domain/time.ts';
import type { Transfer } from '../../domain/transfers.ts';
import { getAccount } from '../../store/accounts.ts';
import { captureHold, expireHolds, getHold, getResolution, postHold, resolveHold } from '../../store/holds.ts';
import { getTransfer } from '../../store/ledger.ts';
import { systemClock } from '../../store/retry.ts';
import { NOW, startLedger, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.books.stop());

const store = () => ledger.deps.store;
const LATER = addMilliseconds(NOW, 15 * 60_000);
const entryOf = (account: string): ChartEntry => {
  const entry = chartEntryOf(chart, account);
  if (entry === undefined) throw new Error('not in the chart');
  return entry;
};

const holdOf = (account: string, id: string, amount: bigint): Hold => ({
  id,
  account,
  credit: 'platform:sink',
  asset: 'TOKEN',
  amount,
  createdAt: NOW,
  expiresAt: LATER,
});

/** A customer with 10, of which some are held. */
async function held(name: string, amount = 10n): Promise<Hold> {
  const account = await ledger.openCustomer(name, 10);
  const hold = holdOf(account, `hold-${name}`, amount);
  expect((await postHold(store(), hold, {})).kind).toBe('created');
  return hold;
}

function capture(
  hold: Hold,
  id: string,
  amount: bigint,
  { at = NOW, overCapture }: { at?: string; overCapture?: OverCapture } = {},
  on = store(),
) {
  const transfer: Transfer = {
    id,
    kind: 'transfer',
    debit: hold.account,
    credit: hold.credit,
    asset: hold.asset,
    amount,
    effectiveAt: at,
    recordedAt: at,
    hold: hold.id,
  };
  const claims = { hold: hold.id, amount };
  const sides = { debitEntry: entryOf(hold.account), creditEntry: entryOf(hold.credit) };
  return captureHold(on, { transfer, claims, ...sides, held: hold, overCapture, by: 'key-1' }, at);
}

const figures = async (hold: Hold) => (await getAccount(store(), hold.account))?.figures;

describe('a hold', () => {
  test('lowers what is available at once, and is read as it was put', async () => {
    const hold = await held('placed', 7n);
    expect(await getHold(store(), hold.id)).toEqual(hold);
    expect(await figures(hold)).toEqual({ credits: 10n, debits: 0n, held: 7n, holdChanges: 1n, available: 3n });
    const second = holdOf(hold.account, 'placed-2', 4n);
    expect(await postHold(store(), second, {})).toEqual({ kind: 'insufficient-funds', account: hold.account });
    expect(await getHold(store(), 'placed-2')).toBeUndefined();
  });

  test('is replayed by the same words, and a conflict with others', async () => {
    const hold = await held('replayed');
    expect(await postHold(store(), { ...hold, createdAt: LATER }, { amount: 10n })).toEqual({ kind: 'replayed', hold });
    expect(await postHold(store(), hold, { amount: 9n })).toMatchObject({ kind: 'conflict', field: 'amount' });
    expect((await figures(hold))?.held).toBe(10n);
  });

  test('of an account that is not there holds nothing', async () => {
    const hold = holdOf('customer:nobody', 'nobody', 1n);
    expect(await postHold(store(), hold, {})).toEqual({ kind: 'account-unknown', account: 'customer:nobody' });
  });
});

describe('a capture', () => {
  test('takes a part and frees the rest in the same write', async () => {
    const hold = await held('part');
    expect(await capture(hold, 'part-1', 4n)).toMatchObject({ kind: 'created', transfer: { hold: hold.id } });
    expect(await figures(hold)).toMatchObject({ debits: 4n, held: 0n, available: 6n });
    expect(await getTransfer(store(), 'part-1')).toMatchObject({ amount: 4n, hold: hold.id });
    expect(await getResolution(store(), hold.id)).toEqual({
      ...{ hold: hold.id, kind: 'captured', at: NOW, recordedAt: NOW, by: 'key-1' },
      ...{ transferId: 'part-1', captured: 4n, freed: 6n },
    });
  });

  test('is replayed also after the hold has expired, and refused by another name', async () => {
    const hold = await held('again');
    await capture(hold, 'again-1', 4n);
    expect((await capture(hold, 'again-1', 4n)).kind).toBe('replayed');
    expect((await capture(hold, 'again-1', 4n, { at: LATER })).kind).toBe('replayed');
    expect((await capture(hold, 'again-1', 11n)).kind).toBe('conflict');
    expect(await capture(hold, 'again-2', 4n)).toEqual({ kind: 'hold-captured', hold: hold.id });
    expect(await capture(hold, 'again-2', 11n)).toEqual({ kind: 'hold-captured', hold: hold.id });
    expect(await capture(hold, 'again-2', 4n, { at: LATER })).toEqual({ kind: 'hold-captured', hold: hold.id });
  });

  test('at its last moment takes, and at the moment of expiry does not, whether it was swept or not', async () => {
    const [last, late] = [await held('last'), await held('late')];
    expect((await capture(last, 'last-1', 1n, { at: addMilliseconds(LATER, -1) })).kind).toBe('created');
    expect(await capture(late, 'late-1', 1n, { at: LATER })).toMatchObject({ kind: 'hold-expired', expiresAt: LATER });
    expect(await figures(late)).toMatchObject({ debits: 0n, held: 0n, available: 10n });
  });

  test('of more than is held is refused, or charged as far as there are funds', async () => {
    const hold = await held('over', 6n);
    expect(await capture(hold, 'over-1', 7n)).toEqual({ kind: 'over-captured', held: 6n });
    const charge = { overCapture: 'charge' } as const;
    expect((await capture(hold, 'over-1', 11n, charge)).kind).toBe('insufficient-funds');
    expect(await figures(hold)).toMatchObject({ held: 6n, available: 4n });
    expect((await capture(hold, 'over-1', 10n, charge)).kind).toBe('created');
    expect(await figures(hold)).toMatchObject({ debits: 10n, held: 0n, available: 0n });
  });
});

describe('the end of a hold without a capture', () => {
  test('gives back all that was held, and is told to whoever ends it again', async () => {
    const hold = await held('freed');
    const release = releaseOf(hold, NOW, 'key-1', 'Not needed.');
    expect(await resolveHold(store(), hold, release)).toEqual({ kind: 'resolved', resolution: release, isNew: true });
    expect(await resolveHold(store(), hold, expiryOf(hold, LATER))).toMatchObject({
      resolution: release,
      isNew: false,
    });
    expect(await figures(hold)).toMatchObject({ held: 0n, available: 10n });
    expect(await capture(hold, 'freed-1', 1n)).toEqual({ kind: 'hold-released', hold: hold.id });
  });

  test('of many holds of one account is one transaction', async () => {
    const account = await ledger.openCustomer('many', 100);
    const holds = Array.from({ length: 90 }, (_, index) => holdOf(account, `many-${index}`, 1n));
    for (const hold of holds) await postHold(store(), hold, {});
    const mock = mockClient(store().client);
    const { send } = mock;
    send.callsFake((command) => send.wrappedMethod.call(store().client, command));
    try {
      const results = await expireHolds(store(), holds, LATER);
      expect(results.every((result) => result.kind === 'resolved' && result.isNew)).toBe(true);
      expect(mock.commandCalls(TransactWriteItemsCommand)).toHaveLength(1);
    } finally {
      mock.restore();
    }
    expect((await getAccount(store(), account))?.figures).toMatchObject({ held: 0n, available: 100n });
  });
});

describe('twenty ends of one hold at once', () => {
  test.each([[10n], [4n], [0n]])('are one end, and the balance is right (%s captured)', async (amount) => {
    const hold = await held(`race-${amount}`);
    const on = { ...store(), clock: systemClock };
    const results = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        if (index % 3 === 0) return (await capture(hold, `race-${amount}-${index}`, amount, {}, on)).kind === 'created';
        const end = index % 3 === 1 ? releaseOf(hold, NOW, '') : expiryOf(hold, LATER);
        return (await resolveHold(on, hold, end)).isNew;
      }),
    );
    expect(results.filter(Boolean)).toHaveLength(1);
    const { captured = 0n, freed } = (await getResolution(store(), hold.id)) ?? { freed: -1n };
    expect(captured + freed).toBe(10n);
    expect(await figures(hold)).toMatchObject({ debits: captured, held: 0n, available: 10n - captured });
  });
});

test('write units, as the engine counts them', async () => {
  const account = await ledger.openCustomer('units', 30);
  const units: number[] = [];
  const client = store().client;
  client.middlewareStack.add(
    (next) => async (call) => {
      Object.assign(call.input, { ReturnConsumedCapacity: 'TOTAL' });
      const answer = await next(call);
      const { ConsumedCapacity: consumed = [] } = answer.output as { ConsumedCapacity?: { CapacityUnits?: number }[] };
      units.push([consumed].flat().reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0));
      return answer;
    },
    { step: 'initialize', name: 'units' },
  );
  try {
    const [captured, released] = [holdOf(account, 'units-1', 10n), holdOf(account, 'units-2', 10n)];
    await postHold(store(), captured, {});
    await postHold(store(), released, {});
    await capture(captured, 'units-3', 4n);
    await resolveHold(store(), released, releaseOf(released, NOW, ''));
  } finally {
    client.middlewareStack.remove('units');
  }
  // Twice for each item in a transaction, once for each index entry: hold + 2 entries + account; transfer + 1 entry +
  // end + account; end + account.
  expect(units).toEqual([6, 6, 7, 4]);
});
