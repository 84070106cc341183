import { billingRunKey, putText, streamText, type Written } from '../../../store/artifacts.ts';
import type { BillingOutcome } from '../../../store/billing-runs.ts';
import { csvLine } from '../../runtime/csv.ts';
import { countMetric } from '../../runtime/metrics.ts';
import { JSON_TYPE, NDJSON_TYPE } from '../reconciliation/parts.ts';
import { renderBuild } from './build-report.ts';
import type { BuildRow } from './build-rows.ts';
import type { BillingDeps, ReadRows, RunOf } from './job.ts';
import { writeManifest } from './manifest.ts';

const CSV_TYPE = 'text/csv; charset=utf-8';

/** The columns of changes.csv. Others read the file by these names in this order: add at the end, change nothing. */
export const CHANGE_COLUMNS = [
  'invoice_id',
  'version',
  'unit_id',
  'line_type',
  'description',
  'asset',
  'quantity_before',
  'quantity_after',
  'amount_before',
  'amount_after',
  'difference',
] as const;

/** Documents that the report shows; beyond it a browser gets slow and nobody reads on. */
const SHOWN_MAX = 1_000;

/** Writes what a run built and what changed, line by line, and adds it up. */
export async function closeBuild(
  deps: BillingDeps,
  run: RunOf<'generate' | 'regenerate'>,
  rows: ReadRows<BuildRow>,
  counts: Readonly<Record<string, number>>,
): Promise<BillingOutcome> {
  const { artifacts } = deps;
  const write = (name: string, type: string, text: AsyncIterable<string>) =>
    streamText(artifacts, billingRunKey(run.id, name), type, text);
  const files: [string, Written][] = [
    ['documents.ndjson', await write('documents.ndjson', NDJSON_TYPE, documentLines(rows('build')))],
    ['changes.csv', await write('changes.csv', CSV_TYPE, changeLines(rows('build')))],
  ];
  const { totals, shown } = await addUp(rows('build'));
  const outcome: BillingOutcome = {
    sentence: sentenceOf(run, counts),
    counts,
    totals: [...totals].map(([asset, { before, after }]) => ({ asset, before: `${before}`, after: `${after}` })),
    artifacts: ['documents.ndjson', 'changes.csv', 'report.html', 'summary.json', 'manifest.json'],
  };
  const page = await renderBuild(run, outcome, shown);
  files.push([
    'report.html',
    await putText(artifacts, billingRunKey(run.id, 'report.html'), 'text/html; charset=utf-8', page),
  ]);
  const summary = JSON.stringify({ id: run.id, spec: run.spec, startedAt: run.startedAt, ...outcome }, undefined, 2);
  files.push(['summary.json', await putText(artifacts, billingRunKey(run.id, 'summary.json'), JSON_TYPE, summary)]);
  await writeManifest(artifacts, billingRunKey(run.id, 'manifest.json'), run.id, files);
  countMetric('invoices_blocked', counts.blocked ?? 0);
  countMetric('invoices_built', (counts.created ?? 0) + (counts.changed ?? 0) + (counts.unchanged ?? 0));
  return outcome;
}

function sentenceOf({ spec }: RunOf<'generate' | 'regenerate'>, counts: Readonly<Record<string, number>>): string {
  const count = (name: string) => counts[name] ?? 0;
  // A final invoice is never built again: said in so many words, for whoever asked for exactly that.
  const left = count('final-unchanged');
  const final =
    left === 0 ? '' : `, ${left} final and left as ${left === 1 ? 'it is' : 'they are'}, because nothing came late`;
  const made = `${count('created')} created, ${count('changed')} changed, ${count('unchanged')} unchanged`;
  const late = count('credit-note') + count('debit-adjustment');
  return `Invoices of ${spec.month}: ${made}, ${late} corrections of final ones${final}, ${count('blocked')} blocked.`;
}

async function* documentLines(rows: AsyncIterable<BuildRow>): AsyncGenerator<string> {
  for await (const { invoice, built } of rows)
    if (built !== undefined) yield `${JSON.stringify({ invoice, ...built })}\n`;
}

async function* changeLines(rows: AsyncIterable<BuildRow>): AsyncGenerator<string> {
  yield csvLine(CHANGE_COLUMNS);
  for await (const { invoice, built } of rows) {
    for (const change of built?.changes ?? []) {
      const { unit, type, description, quantityBefore, quantityAfter, amountBefore, amountAfter } = change;
      const figures = [quantityBefore, quantityAfter, amountBefore, amountAfter].map(BigInt);
      const difference = BigInt(amountAfter) - BigInt(amountBefore);
      yield csvLine([
        invoice,
        `${built?.version}`,
        unit,
        type,
        description,
        built?.asset ?? '',
        ...figures,
        difference,
      ]);
    }
  }
}

async function addUp(rows: AsyncIterable<BuildRow>) {
  const totals = new Map<string, { before: bigint; after: bigint }>();
  const shown: BuildRow[] = [];
  for await (const row of rows) {
    if (row.built === undefined) continue;
    const { asset, dueBefore, due, changes, blocked } = row.built;
    const total = totals.get(asset) ?? { before: 0n, after: 0n };
    totals.set(asset, { before: total.before + BigInt(dueBefore), after: total.after + BigInt(due) });
    if (shown.length < SHOWN_MAX && (changes.length > 0 || blocked.length > 0)) shown.push(row);
  }
  return { totals: [...totals].sort(([a], [b]) => (a < b ? -1 : 1)), shown };
}
