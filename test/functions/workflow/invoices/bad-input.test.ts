import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { makeHandler as makePlan } from '../../../../functions/workflow/plan-invoices.ts';
import { failBillingRun, getBillingRun, listBillingRuns } from '../../../../store/billing-runs.ts';
import { type BillingWorld, MONTH, startBillingWorld } from '../../../support/billing-world.ts';

const ACME = 'customer:acme';
let world: BillingWorld;
let restore: () => Promise<void>;

beforeAll(async () => {
  world = await startBillingWorld();
  await world.opened(ACME, 100n);
  await world.charged(ACME, 'req-1', 7n);
  restore = await world.remember();
});
beforeEach(async () => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  await restore();
});

afterAll(() => world.stop());

test.each(['generate', 'regenerate'])(
  'a %s that names accounts with nothing to invoice fails before anything is written, and names them',
  async (kind) => {
    await world.opened('customer:late', 100n, '2026-11-01');
    const run = await world.run({
      ...{ id: 'named', kind, month: MONTH },
      accounts: [ACME, 'customer:late', 'customer:nobody'],
    });
    expect(run).toMatchObject({ status: 'failed', error: { name: 'NothingToInvoiceError' } });
    expect(run.error?.cause).toContain(
      'customer:late, customer:nobody have no transfers in 2026-10 and no invoice, so nothing was done',
    );
    expect((await world.send('GET /v1/invoices', { query: { month: MONTH } })).body.invoices).toEqual([]);
  },
);

test('an account whose transfers are all below it has something to invoice, and so has one with an invoice', async () => {
  await world.opened('customer:bolt', 0n);
  await world.opened('customer:bolt:team', 50n);
  const run = await world.run({ id: 'below', kind: 'generate', month: MONTH, accounts: ['customer:bolt'] });
  expect(run.outcome?.counts).toEqual({ created: 1 });
  const again = await world.run({ id: 'again', kind: 'generate', month: MONTH, accounts: ['customer:bolt'] });
  expect(again.error).toBeUndefined();
});

test('regenerating what is final says that it was left as it is, and never rebuilds it', async () => {
  await world.run({ id: 'october', kind: 'generate', month: MONTH });
  const { outcome } = await world.run({ id: 'review', kind: 'review', month: MONTH });
  await world.approve(outcome?.approval ?? '', outcome?.hash ?? '');
  await world.run({ id: 'final', kind: 'finalize', review: 'review', hash: outcome?.hash });
  const before = await world.invoice(ACME);
  const run = await world.run({ id: 'again', kind: 'regenerate', month: MONTH, accounts: [ACME] });
  expect(run.outcome).toMatchObject({
    counts: { 'final-unchanged': 1 },
    sentence:
      'Invoices of 2026-10: 0 created, 0 changed, 0 unchanged, 0 corrections of final ones, 1 final and left as it is, because nothing came late, 0 blocked.',
  });
  expect(await world.invoice(ACME)).toEqual(before);
});

test('the run of the schedule that failed goes on when its execution is started again, and a second one has nothing to do', async () => {
  const plan = makePlan(world.deps);
  const input = { trigger: 'monthly', scheduledTime: '2026-11-02T06:00:00Z' };
  expect(await plan({ input, execution: 'first' })).toMatchObject({ claimed: true, run: { id: 'monthly-2026-10' } });
  expect(await plan({ input, execution: 'second' })).toEqual({ claimed: false, runId: 'monthly-2026-10' });
  const why = { name: 'Unhappy', cause: 'It rained.' };
  await failBillingRun(world.tables, { id: 'monthly-2026-10', execution: 'first' }, why, world.now);
  expect(await plan({ input, execution: 'third' })).toMatchObject({ claimed: true, run: { execution: 'third' } });
  expect(await getBillingRun(world.tables, 'monthly-2026-10')).toMatchObject({ status: 'running', execution: 'third' });
  expect(await listBillingRuns(world.tables, 10)).toHaveLength(1);
});
