import type { DocumentKind, Invoice } from '../../../domain/invoices/invoice.ts';
import { finalized } from '../../../domain/invoices/life.ts';
import type { BillingPolicy } from '../../../domain/invoices/policy.ts';
import { billingRunKey, streamText } from '../../../store/artifacts.ts';
import type { BillingOutcome } from '../../../store/billing-runs.ts';
import { NUMBERED_AT_ONCE, numberDocuments } from '../../../store/document-numbers.ts';
import { listInvoices } from '../../../store/invoices.ts';
import { csvLine } from '../../runtime/csv.ts';
import { InvoiceContendedError } from './change-invoice.ts';
import { changeBy } from './content.ts';
import type { BillingDeps, BillingJob, ReadRows, Row, RunOf } from './job.ts';
import { writeManifest } from './manifest.ts';
import { oneSlice } from './slices.ts';

/** An invoice that became final. The amount is a decimal string of minor units. */
export interface FinalRow extends Row {
  readonly invoice: string;
  readonly number: string;
  readonly kind: DocumentKind;
  readonly asset: string;
  readonly due: string;
}

/**
 * Makes final what a review has approved, and gives it its numbers. One invoice after the other in one order, so that an
 * attempt that broke off and the one that goes on give the numbers that one alone would have given.
 */
export const finalizeJob: BillingJob<'finalize', FinalRow> = {
  passes: ['finalize'],
  concurrency: 1,
  plan: async () => oneSlice(),
  work: (deps, run, { buckets }) => finalizeBuckets(deps, run, buckets),
  close: closeFinalize,
};

async function* finalizeBuckets(deps: BillingDeps, run: RunOf<'finalize'>, buckets: readonly string[]) {
  for (const bucket of buckets) {
    let approved: Invoice[] = [];
    for await (const invoice of listInvoices(deps.invoices, run.spec.month, bucket)) {
      if (invoice.review !== run.spec.review) continue;
      if (invoice.status === 'final') yield rowOf(invoice);
      if (invoice.status !== 'pending') continue;
      approved.push(invoice);
      if (approved.length < NUMBERED_AT_ONCE) continue;
      yield* (await numberAll(deps, run, bucket, approved)).map(rowOf);
      approved = [];
    }
    if (approved.length > 0) yield* (await numberAll(deps, run, bucket, approved)).map(rowOf);
  }
}

/** Attempts at one transaction of numbers; another run that numbers at the same time gets as many through. */
const ATTEMPTS_MAX = 20;

async function numberAll(
  deps: BillingDeps,
  run: RunOf<'finalize'>,
  bucket: string,
  approved: readonly Invoice[],
): Promise<readonly Invoice[]> {
  const wanted = new Set(approved.map(({ id }) => id));
  let left: readonly Invoice[] = approved;
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const documents = left
      .filter((each) => each.status === 'pending' && each.review === run.spec.review)
      .map((before) => ({
        before,
        series: seriesOf(deps.policy, before.kind),
        numbered: (number: string) => {
          const moved = finalized(before, run.spec.review, number, changeBy(run));
          if (moved.kind === 'refused') throw new TypeError(`${before.id} was in review and is ${moved.reason}.`);
          return moved.invoice;
        },
      }));
    const done = left.filter(({ status }) => status === 'final');
    if (documents.length === 0) return done;
    const result = await numberDocuments(deps.invoices, documents, run.startedAt.slice(0, 4));
    if (result.kind === 'numbered') return [...done, ...result.invoices];
    // The answer of an attempt may have been lost, or somebody took an invoice out of the review: what is there says.
    left = (await Array.fromAsync(listInvoices(deps.invoices, run.spec.month, bucket))).filter(({ id }) =>
      wanted.has(id),
    );
  }
  throw new InvoiceContendedError(`Others number documents all the time; run ${run.id} again.`);
}

function seriesOf({ series }: BillingPolicy, kind: DocumentKind): string {
  switch (kind) {
    case 'invoice':
      return series.invoice;
    case 'credit-note':
      return series.creditNote;
    case 'debit-adjustment':
      return series.debitAdjustment;
  }
}

function rowOf({ id, number = '', kind, asset, due }: Invoice): FinalRow {
  return { counts: ['finalized', kind], invoice: id, number, kind, asset, due: due.toString() };
}

async function closeFinalize(
  { artifacts }: BillingDeps,
  run: RunOf<'finalize'>,
  rows: ReadRows<FinalRow>,
  counts: Readonly<Record<string, number>>,
): Promise<BillingOutcome> {
  const totals = new Map<string, bigint>();
  async function* lines() {
    yield csvLine(['number', 'invoice_id', 'kind', 'asset', 'amount_due']);
    for await (const { number, invoice, kind, asset, due } of rows('finalize')) {
      totals.set(asset, (totals.get(asset) ?? 0n) + BigInt(due));
      yield csvLine([number, invoice, kind, asset, BigInt(due)]);
    }
  }
  const written = await streamText(artifacts, billingRunKey(run.id, 'numbers.csv'), 'text/csv; charset=utf-8', lines());
  await writeManifest(artifacts, billingRunKey(run.id, 'manifest.json'), run.id, [['numbers.csv', written]]);
  return {
    sentence: `${counts.finalized ?? 0} documents of ${run.spec.month} are final.`,
    counts,
    totals: [...totals]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([asset, due]) => ({ asset, before: '0', after: `${due}` })),
    artifacts: ['numbers.csv', 'manifest.json'],
  };
}
