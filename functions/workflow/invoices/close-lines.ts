import { billingRunKey, getText, putText, streamText, type Written } from '../../../store/artifacts.ts';
import type { BillingOutcome } from '../../../store/billing-runs.ts';
import { countMetric } from '../../runtime/metrics.ts';
import { ERRORS_FILE } from '../announced-file.ts';
import { JSON_TYPE, NDJSON_TYPE } from '../reconciliation/parts.ts';
import type { LinesRow } from './import-lines.ts';
import type { BillingDeps, ReadRows, RunOf } from './job.ts';
import { writeManifest } from './manifest.ts';
import type { LinesPlan } from './plan-lines.ts';

type LinesRun = RunOf<'import' | 'rollback'>;
type Said = Pick<BillingOutcome, 'sentence' | 'verdict' | 'counts'>;

/** What the rows of a run come to: lines by what became of them, and invoices. */
interface Sums {
  readonly inserted: number;
  readonly updated: number;
  readonly unchanged: number;
  /** Rows of invoices that nothing was done to. */
  readonly leftRows: number;
  readonly totals: NonNullable<BillingOutcome['totals']>;
}

/** Says what became of every row of a file. Of what was written, the rows of the slices know; of what was read, the plan. */
export async function closeImport(
  deps: BillingDeps,
  run: RunOf<'import'>,
  rows: ReadRows<LinesRow>,
  counts: Readonly<Record<string, number>>,
): Promise<BillingOutcome> {
  const plan = JSON.parse(await getText(deps.artifacts, billingRunKey(run.id, 'plan.json'))) as LinesPlan;
  const sums = await addUp(rows('import'));
  const { inserted, updated, unchanged, leftRows } = sums;
  const said = {
    ...{ read: plan.read, inserted, updated, unchanged },
    ...{ refused: plan.refused + leftRows, duplicates: plan.duplicates },
    ...{ invoices: counts.imported ?? 0, blocked: counts.blocked ?? 0 },
  };
  if (!run.spec.dryRun) countMetric('invoices_blocked', said.blocked);
  const files: [string, Written][] = [[ERRORS_FILE, plan.errors]];
  return leave(deps, run, rows('import'), { ...describeImport(run, said, plan.refused), counts: said }, sums, files);
}

type ImportCounts = Readonly<
  Record<'read' | 'inserted' | 'updated' | 'unchanged' | 'refused' | 'duplicates' | 'invoices' | 'blocked', number>
>;

function describeImport(
  { spec: { month, dryRun } }: RunOf<'import'>,
  { read, inserted, updated, unchanged, refused, duplicates, invoices, blocked }: ImportCounts,
  refusedByFile: number,
): Pick<BillingOutcome, 'sentence' | 'verdict'> {
  if (refusedByFile > 0) {
    const why = `${refused} of ${read} rows are refused, ${duplicates} of them as said before`;
    const advice = `Mend the file by ${ERRORS_FILE} and send it under a new run id.`;
    return { verdict: 'refused', sentence: `Nothing was written: ${why}. ${advice}` };
  }
  const lines = `${inserted} inserted, ${updated} updated, ${unchanged} unchanged`;
  const documents = `${invoices} invoices of ${month} have a new version, ${blocked} of them blocked`;
  if (dryRun) {
    return { verdict: 'dry-run', sentence: `Dry run of ${read} rows, nothing was written: ${lines}; ${documents}.` };
  }
  if (refused === 0) return { verdict: 'imported', sentence: `${read} rows: ${lines}; ${documents}.` };
  const moved = `${refused} rows are left out, because their invoices were changed since the file was checked`;
  return { verdict: 'partly-imported', sentence: `${read} rows: ${lines}; ${documents}; ${moved}.` };
}

/** Says which invoices have their lines of before again, and which were left because something came since. */
export async function closeRollback(
  deps: BillingDeps,
  run: RunOf<'rollback'>,
  rows: ReadRows<LinesRow>,
  counts: Readonly<Record<string, number>>,
): Promise<BillingOutcome> {
  const sums = await addUp(rows('restore'));
  const count = (name: string) => counts[name] ?? 0;
  const said = {
    ...{ restored: count('restored'), 'restored-before': count('restored-before'), left: count('left') },
    ...{ inserted: sums.inserted, updated: sums.updated, blocked: count('blocked') },
  };
  countMetric('invoices_blocked', said.blocked);
  const left =
    said.left === 0 ? '' : ` ${said.left} were changed since and are left as they are; invoices.ndjson says by whom.`;
  const sentence = `Rollback of ${run.spec.of}: ${said.restored} invoices have their lines of before again (${sums.inserted} inserted and ${sums.updated} updated lines are taken back), ${said['restored-before']} had them already.${left}`;
  const verdict = said.left === 0 ? 'restored' : 'partly-restored';
  return leave(deps, run, rows('restore'), { sentence, verdict, counts: said }, sums, []);
}

/** Writes the artifacts of a run; the manifest comes last. */
async function leave(
  { artifacts }: BillingDeps,
  run: LinesRun,
  rows: AsyncIterable<LinesRow>,
  said: Said,
  { totals }: Sums,
  files: readonly [string, Written][],
): Promise<BillingOutcome> {
  const key = (name: string) => billingRunKey(run.id, name);
  const invoices = await streamText(artifacts, key('invoices.ndjson'), NDJSON_TYPE, invoiceLines(rows));
  const names = [...files.map(([name]) => name), 'invoices.ndjson', 'summary.json', 'manifest.json'];
  const outcome: BillingOutcome = { ...said, ...(totals.length > 0 && { totals }), artifacts: names };
  const { id, spec, startedAt } = run;
  const text = JSON.stringify({ id, spec, startedAt, ...outcome }, undefined, 2);
  const summary = await putText(artifacts, key('summary.json'), JSON_TYPE, text);
  const listed: [string, Written][] = [...files, ['invoices.ndjson', invoices], ['summary.json', summary]];
  await writeManifest(artifacts, key('manifest.json'), id, listed);
  return outcome;
}

async function* invoiceLines(rows: AsyncIterable<LinesRow>): AsyncGenerator<string> {
  for await (const { counts: _counts, ...row } of rows) yield `${JSON.stringify(row)}\n`;
}

async function addUp(rows: AsyncIterable<LinesRow>): Promise<Sums> {
  const sums = { inserted: 0, updated: 0, unchanged: 0, leftRows: 0 };
  const totals = new Map<string, { before: bigint; after: bigint }>();
  for await (const { asset, inserted, updated, unchanged, before, after, left } of rows) {
    sums.inserted += inserted;
    sums.updated += updated;
    sums.unchanged += unchanged;
    sums.leftRows += left?.rows ?? 0;
    if (before === undefined || after === undefined) continue;
    const total = totals.get(asset) ?? { before: 0n, after: 0n };
    totals.set(asset, { before: total.before + BigInt(before.due), after: total.after + BigInt(after.due) });
  }
  const inOrder = [...totals].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    ...sums,
    totals: inOrder.map(([asset, { before, after }]) => ({ asset, before: `${before}`, after: `${after}` })),
  };
}
