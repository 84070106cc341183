import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, expect } from 'vitest';
import { billingRunKey, putText } from '../../store/artifacts.ts';
import { sha256 } from '../../store/audit.ts';
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
  writesMin: number | undefined,
  prepare: (world: BillingWorld) => Promise<Readonly<Record<string, unknown>>>,
  ask: (world: BillingWorld, body: Readonly<Record<string, unknown>>) => Promise<unknown> = (world, body) =>
    world.run(body),
): void {
  let ready: { world: BillingWorld; body: Readonly<Record<string, unknown>>; restore: () => Promise<void> } | undefined;
  afterAll(() => ready?.world.stop());
  sweepCrashes(what, {
    steps: STEPS,
    ...(writesMin !== undefined && { writesMin }),
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
        run: () => ask(world, body),
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

sweep('a generation', 8, async (world) => {
  await world.opened('customer:dune', 100n);
  await world.charged('customer:dune', 'first-of-dune', 5n);
  return { id: 'more', kind: 'generate', month: MONTH, accounts: [ACME, 'customer:dune'] };
});

sweep('a review', 8, async () => ({ id: 'review', kind: 'review', month: MONTH, accounts: [ACME, BOLT] }));

sweep('an export', undefined, async () => ({ id: 'out', kind: 'export', month: MONTH }));

sweep('a finalization', 5, async (world) => ({ id: 'final', ...(await approved(world, 'review')) }));

const LINES = [
  'invoice_id,unit_id,line_type,description,quantity,amount',
  ...[ACME, BOLT, CASK].map((account) => `${MONTH}:${account},${account},setup-fee,Onboarding,1,4`),
  `${MONTH}:${CASK},${CASK},usage,chat,1,8`,
].join('\n');

const importOf = (id: string) => ({ id, kind: 'import', month: MONTH, sha256: sha256(LINES), batchSize: 1 });

/** Announces the file of lines and has it begun; what was announced or begun before is only followed. */
async function importLines(world: BillingWorld, body: Readonly<Record<string, unknown>>): Promise<void> {
  await putText(world.artifacts, billingRunKey(String(body.id), 'input.csv'), 'text/csv', LINES);
  await world.send('POST /v1/billing-runs', { body });
  await world.send('POST /v1/billing-runs/{runId}/start', { params: { runId: String(body.id) } });
  await world.settled();
}

sweep('an import of lines', 8, async () => importOf('lines'), importLines);

sweep('a rollback of an import of lines', 8, async (world) => {
  await importLines(world, importOf('lines'));
  return { id: 'undo', kind: 'rollback', of: 'lines' };
});
