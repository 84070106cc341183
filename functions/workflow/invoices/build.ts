import { created, marked, rebuilt } from '../../../domain/invoices/life.ts';
import { isForeignLine } from '../../../domain/invoices/lines.ts';
import { inOrder } from '../../../domain/reconciliation/in-order.ts';
import { getInvoice, listInvoices, readLines, writeInvoice } from '../../../store/invoices.ts';
import { type BuildRow, rowOfInvoice } from './build-rows.ts';
import { changeInvoice } from './change-invoice.ts';
import { closeBuild } from './close-build.ts';
import { builtOf, changeBy, isDone } from './content.ts';
import { correctFinal } from './corrections.ts';
import { familiesOfBucket, withUnits } from './families.ts';
import type { BillingDeps, BillingJob, BillingSlice, RunOf } from './job.ts';
import { type BilledFamily, readLedgerLines } from './ledger-lines.ts';
import { assertInvoiceable } from './named-accounts.ts';
import { accountFilter, bucketSlices, SLICES_AT_ONCE } from './slices.ts';

type BuildRun = RunOf<'generate' | 'regenerate'>;

/** Customers of a slice built side by side: hides the network's latency. */
const FAMILIES_AT_ONCE = 8;

/** Makes the invoices of a month that are not there yet. */
export const generateJob: BillingJob<'generate', BuildRow> = {
  passes: ['build'],
  concurrency: SLICES_AT_ONCE,
  plan: planBuild,
  work: (deps, run, { buckets }) => buildBuckets(deps, run, buckets),
  close: closeBuild,
};

/**
 * Marks whatever of a month is not final, so that nobody relies on it; then builds it anew. What came late for final
 * invoices goes into documents of its own.
 */
export const regenerateJob: BillingJob<'regenerate', BuildRow> = {
  passes: ['mark', 'build'],
  concurrency: SLICES_AT_ONCE,
  plan: planBuild,
  work: (deps, run, { buckets }, pass) =>
    pass === 'mark' ? markBuckets(deps, run, buckets) : buildBuckets(deps, run, buckets),
  close: closeBuild,
};

/** @throws NothingToInvoiceError before anything is written. */
async function planBuild(deps: BillingDeps, { spec }: BuildRun): Promise<readonly BillingSlice[]> {
  if (spec.accounts !== undefined) await assertInvoiceable(deps, spec.month, spec.accounts);
  return bucketSlices(spec.accounts);
}

async function* markBuckets(deps: BillingDeps, run: BuildRun, buckets: readonly string[]): AsyncGenerator<BuildRow> {
  const isWanted = accountFilter(run.spec.accounts);
  for (const bucket of buckets) {
    for await (const found of listInvoices(deps.invoices, run.spec.month, bucket)) {
      if (!isWanted(found.account)) continue;
      const { invoice, refused } = await changeInvoice(deps.invoices, found, (current) => {
        // A slice that is done again meets what it has built already, and must leave it.
        if (current.lastRun === run.id) return { kind: 'moved', invoice: current };
        return marked(current, changeBy(run));
      });
      if (refused === undefined) yield { counts: ['marked'], invoice: invoice.id };
    }
  }
}

async function* buildBuckets(deps: BillingDeps, run: BuildRun, buckets: readonly string[]): AsyncGenerator<BuildRow> {
  const isWanted = accountFilter(run.spec.accounts);
  for (const bucket of buckets) {
    const families = await familiesOfBucket(deps, bucket, isWanted);
    const built = inOrder(families, FAMILIES_AT_ONCE, async (family) =>
      buildOne(deps, run, await withUnits(deps.ledger, family)),
    );
    for await (const rows of built) yield* rows;
  }
}

/** Builds the invoice of one customer, or what corrects it where it is final. */
async function buildOne(deps: BillingDeps, run: BuildRun, family: BilledFamily): Promise<BuildRow[]> {
  const name = { month: run.spec.month, account: family.account, sequence: 0 };
  const current = await getInvoice(deps.invoices, name);
  if (current !== undefined && isDone(current, run)) return [await rowOfInvoice(deps.invoices, current)];
  if (current !== undefined && run.spec.kind === 'generate') return [];
  if (current?.status === 'void') return [{ counts: ['void'], invoice: current.id }];
  const ledger = await readLedgerLines(deps, family, run.spec.month);
  if (current?.status === 'final') return correctFinal(deps, run, current, ledger);
  if (current === undefined && ledger.transfers === 0) return [];
  const foreign = current === undefined ? [] : (await readLines(deps.invoices, current)).filter(isForeignLine);
  const built = builtOf(deps, { account: family.account, month: run.spec.month, asset: family.asset }, ledger, foreign);
  if (current === undefined) {
    const invoice = created(name, built, changeBy(run));
    const result = await writeInvoice(deps.invoices, undefined, invoice, { lines: built.content.lines });
    // Somebody made it meanwhile: it is looked at anew.
    return result === 'written' ? [await rowOfInvoice(deps.invoices, invoice)] : buildOne(deps, run, family);
  }
  const moved = rebuilt(current, built, changeBy(run));
  if (moved.kind === 'refused') return buildOne(deps, run, family);
  const result = await writeInvoice(deps.invoices, current, moved.invoice, { lines: built.content.lines });
  return result === 'written' ? [await rowOfInvoice(deps.invoices, moved.invoice)] : buildOne(deps, run, family);
}
