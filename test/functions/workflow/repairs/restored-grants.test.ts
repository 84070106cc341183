import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { chart } from '../../../../config/chart.ts';
import { chartEntryOf } from '../../../../domain/chart.ts';
import { getAccount } from '../../../../store/accounts.ts';
import { getTransfer, postTransfer } from '../../../../store/ledger.ts';
import { DAY, type RepairWorld, STRICT, startRepairWorld } from '../../../support/repair-world.ts';

let world: RepairWorld;
let restore: () => Promise<void>;

beforeAll(async () => {
  world = await startRepairWorld();
  restore = await world.remember();
});
beforeEach(async () => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  await restore();
});
afterAll(() => world.stop());

const HOUR_MS = 60 * 60_000;

/** Grants an amount that expires within the hour. */
async function give(id: string, amount: bigint): Promise<void> {
  const at = world.deps.now();
  const terms = { priority: 100n, expiresAt: new Date(Date.parse(at) + HOUR_MS).toISOString() };
  const [debitEntry, creditEntry] = ['platform:promotions', STRICT].map((account) => chartEntryOf(chart, account));
  if (debitEntry === undefined || creditEntry === undefined) throw new Error('The chart knows both.');
  const moved = { id, kind: 'transfer', debit: 'platform:promotions', credit: STRICT, asset: 'TOKEN', amount } as const;
  const transfer = { ...moved, effectiveAt: at, recordedAt: at, grant: terms };
  const effects = { credit: { kind: 'granted' as const, grant: { ...terms, id, remaining: amount, at } } };
  await postTransfer(world.ledger, { transfer, claims: {}, debitEntry, creditEntry, effects });
}

/** What the account has left of its grant, and what is paid money. */
async function left(): Promise<{ readonly granted: bigint; readonly paid: bigint }> {
  const account = await getAccount(world.ledger, STRICT);
  const granted = (account?.grants?.grants ?? []).reduce((sum, { remaining }) => sum + remaining, 0n);
  return { granted, paid: (account?.figures?.available ?? 0n) - granted };
}

test('a charge that is moved after its grant has expired takes no paid money, nor does the rollback of that', async () => {
  await give('gift', 20n);
  await world.used(STRICT, 'late', 6n);
  await world.charged(STRICT, 'late', 6n, { effectiveAt: `${DAY}T23:00:00.000Z` });
  const before = await left();
  expect(before).toEqual({ granted: 14n, paid: 1_000n });

  world.later = 2 * HOUR_MS;
  await world.reconcile('found');
  await world.plan('fix', 'found', ['recalculate']);
  expect(await world.apply('fix')).toMatchObject({ counts: { posted: 2 }, verification: { verdict: 'clean' } });
  expect(await left()).toEqual(before);
  const moved = (await world.transfers()).find(({ id, kind }) => kind === 'charge' && id !== 'late');
  expect(moved?.burned).toEqual([{ grant: 'gift', amount: 6n }]);

  // What is taken back here was itself recorded after the expiry.
  world.later = 3 * HOUR_MS;
  await world.rollBack('undo', 'fix');
  expect(await world.apply('undo')).toMatchObject({ counts: { posted: 2 } });
  expect(await left()).toEqual(before);
  expect((await getTransfer(world.ledger, 'late'))?.burned).toEqual([{ grant: 'gift', amount: 6n }]);
});
