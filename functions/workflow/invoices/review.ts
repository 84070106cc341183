import { createHash } from 'node:crypto';
import { expiryOf } from '../../../domain/approvals.ts';
import { canonicalJson } from '../../../domain/canonical-json.ts';
import { FINALIZE_ACTION } from '../../../domain/invoices/invoice.ts';
import type { LifeRefusal } from '../../../domain/invoices/life.ts';
import { submitted } from '../../../domain/invoices/life.ts';
import { formatAmount } from '../../../domain/money.ts';
import { billingRunKey, streamText } from '../../../store/artifacts.ts';
import type { BillingOutcome } from '../../../store/billing-runs.ts';
import { listInvoices } from '../../../store/invoices.ts';
import { askForApproval } from '../approval.ts';
import { NDJSON_TYPE } from '../reconciliation/parts.ts';
import { changeInvoice } from './change-invoice.ts';
import { changeBy } from './content.ts';
import type { BillingDeps, BillingJob, ReadRows, Row, RunOf } from './job.ts';
import { writeManifest } from './manifest.ts';
import { accountFilter, bucketSlices, SLICES_AT_ONCE } from './slices.ts';

/** An invoice that a review came to. The amount is a decimal string of minor units. */
export interface ReviewRow extends Row {
  readonly invoice: string;
  readonly digest: string;
  readonly asset: string;
  readonly due: string;
  /** Why it is not in the review. */
  readonly refused?: LifeRefusal;
}

/** Puts what ties out into review, and asks a second person for consent to exactly these invoices. */
export const reviewJob: BillingJob<'review', ReviewRow> = {
  passes: ['submit'],
  concurrency: SLICES_AT_ONCE,
  plan: async (_deps, { spec }) => bucketSlices(spec.accounts),
  work: (deps, run, { buckets }) => submitBuckets(deps, run, buckets),
  close: closeReview,
};

/** What is not looked at twice: it has been sent, or is not to be. */
const SILENT: ReadonlySet<LifeRefusal | undefined> = new Set(['final', 'void']);

async function* submitBuckets(deps: BillingDeps, run: RunOf<'review'>, buckets: readonly string[]) {
  const isWanted = accountFilter(run.spec.accounts);
  for (const bucket of buckets) {
    for await (const found of listInvoices(deps.invoices, run.spec.month, bucket)) {
      if (!isWanted(found.account)) continue;
      const { invoice, refused } = await changeInvoice(deps.invoices, found, (current) =>
        current.review === run.id ? { kind: 'moved', invoice: current } : submitted(current, changeBy(run)),
      );
      if (SILENT.has(refused)) continue;
      const { id, digest, asset, due } = invoice;
      const row = { invoice: id, digest, asset, due: due.toString() };
      yield refused === undefined ? { counts: ['submitted'], ...row } : { counts: [refused], ...row, refused };
    }
  }
}

/** Adds the review up to a hash: that of the ids, contents and amounts of all that is in it, in their order. */
async function closeReview(
  deps: BillingDeps,
  run: RunOf<'review'>,
  rows: ReadRows<ReviewRow>,
  counts: Readonly<Record<string, number>>,
): Promise<BillingOutcome> {
  const hash = createHash('sha256');
  const totals = new Map<string, bigint>();
  async function* lines() {
    for await (const { counts: _counts, ...row } of rows('submit')) {
      yield `${JSON.stringify(row)}\n`;
      if (row.refused !== undefined) continue;
      hash.update(`${canonicalJson([row.invoice, row.digest, row.due])}\n`);
      totals.set(row.asset, (totals.get(row.asset) ?? 0n) + BigInt(row.due));
    }
  }
  const written = await streamText(deps.artifacts, billingRunKey(run.id, 'review.ndjson'), NDJSON_TYPE, lines());
  await writeManifest(deps.artifacts, billingRunKey(run.id, 'manifest.json'), run.id, [['review.ndjson', written]]);
  const inReview = counts.submitted ?? 0;
  const blocked = counts.blocked ?? 0;
  const outcome = {
    sentence: `${inReview} invoices of ${run.spec.month} are in review, ${blocked} are blocked.`,
    counts,
    totals: [...totals]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([asset, due]) => ({ asset, before: '0', after: `${due}` })),
    artifacts: ['review.ndjson', 'manifest.json'],
  };
  if (inReview === 0) return outcome;
  const digest = hash.digest('hex');
  return { ...outcome, hash: digest, approval: await approvalOf(deps, run, digest, outcome) };
}

function approvalOf(
  { runs, approvals }: BillingDeps,
  run: RunOf<'review'>,
  hash: string,
  { sentence, totals = [] }: Pick<BillingOutcome, 'sentence' | 'totals'>,
): Promise<string> {
  return askForApproval(runs, `invoices-${run.id}`, {
    action: FINALIZE_ACTION,
    target: `billing-run:${run.id}`,
    hash,
    summary: [
      sentence,
      ...totals.map(({ asset, after }) => `${formatAmount(BigInt(after), asset)} are asked for.`),
      `Every invoice: reckoner invoices list --month ${run.spec.month} --status pending`,
    ],
    requestedBy: run.requestedBy,
    requestedAt: run.startedAt,
    expiresAt: expiryOf(run.startedAt, approvals),
  });
}
