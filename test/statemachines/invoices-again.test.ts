import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, expect } from 'vitest';
import { type BillingWorld, MONTH, startBillingWorld } from '../support/billing-world.ts';
import { sweepCrashes } from '../support/crash-sweep.ts';

/** The real machine with the real functions, broken off wherever it can be and taken up again. */

const STEPS = ['plan', 'work', 'close'];
const ACME = 'customer:acme';
const BOLT = 'customer:bolt';
const CASK = 'customer:cask';

/** Three customers with usage, billed as drafts. */
async function billed(): Promise<BillingWorld> {
  const world = await startBillingWorld();
  for (const account of [ACME, BOLT, CASK]) {
    await world.opened(account, 1_000n);
    await world.charged(account, `first-of-${account}`, 7n);
  }
  await world.run({ id: 'made', kind: 'generate', month: MONTH });
  return world;
}

/** Puts the month into review and has it approved; gives what finalizing it takes. */
async function approved(world: BillingWorld, review: string) {
  const { outcome } = await world.run({ id: review, kind: 'review', month: MONTH });
  await world.approve(outcome?.approval ?? '', outcome?.hash ?? '');
  return { kind: 'finalize', review, hash: outcome?.hash };
}

/** Everything that the billing table holds, in the order of keys. */
async function billingTable({ tables }: BillingWorld): Promise<unknown[]> {
  const scan = new ScanCommand({ TableName: tables.billingTable, ConsistentRead: true });
  const { Items = [] } = await tables.client.send(scan);
  return Items.sort((a, b) => (`${a.pk?.S}|${a.sk?.S}` < `${b.pk?.S}|${b.sk?.S}` ? -1 : 1));
}

/** Sweeps one run over a month that is made ready once, and brought back for each scenario. */
function sweep(
  what: string,
  writesMin: number,
  prepare: (world: BillingWorld) => Promise<Readonly<Record<string, unknown>>>,
): void {
  let ready: { world: BillingWorld; body: Readonly<Record<string, unknown>>; restore: () => Promise<void> } | undefined;
  afterAll(() => ready?.world.stop());
  sweepCrashes(what, {
    steps: STEPS,
    writesMin,
    async begin() {
      if (ready === undefined) {
        const world = await billed();
        const body = await prepare(world);
        ready = { world, body, restore: await world.remember() };
      }
      const { world, body, restore } = ready;
      await restore();
      world.machines.breakOff = async () => {};
      return {
        machines: world.machines,
        run: () => world.run(body),
        async end() {
          const params = { runId: String(body.id) };
          const { body: run } = await world.send('GET /v1/billing-runs/{runId}', { params });
          expect(run.status).toBe('succeeded');
          return { outcome: run.outcome, table: await billingTable(world) };
        },
      };
    },
  });
}

sweep('a regeneration with late transfers for final and for other invoices', 10, async (world) => {
  await world.run({ id: 'final', ...(await approved(world, 'review')) });
  await world.opened('customer:dune', 100n);
  for (const account of [ACME, 'customer:dune']) await world.charged(account, `late-of-${account}`, 5n);
  return { id: 'again', kind: 'regenerate', month: MONTH, accounts: [ACME, BOLT, 'customer:dune'] };
});

sweep('a finalization', 5, async (world) => ({ id: 'final', ...(await approved(world, 'review')) }));
