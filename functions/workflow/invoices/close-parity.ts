import { decimalAmount } from '../../../domain/money.ts';
import { percent } from '../../../domain/reconciliation/outcome.ts';
import { billingRunKey, putText, streamText, type Written } from '../../../store/artifacts.ts';
import type { BillingOutcome } from '../../../store/billing-runs.ts';
import { type CsvCell, csvLine } from '../../runtime/csv.ts';
import { JSON_TYPE, NDJSON_TYPE } from '../reconciliation/parts.ts';
import type { BillingDeps, ReadRows, RunOf } from './job.ts';
import { writeManifest } from './manifest.ts';
import { renderParity } from './parity-report.ts';
import type { ParityRow } from './parity-rows.ts';

const CSV_TYPE = 'text/csv; charset=utf-8';

/** The columns of parity.csv. Others read the file by these names in this order: add at the end, change nothing. */
export const PARITY_COLUMNS = [
  'invoice_id',
  'unit_id',
  'line_type',
  'description',
  'asset',
  'quantity_billed',
  'quantity_other',
  'amount_billed',
  'amount_other',
  'difference',
  'percent',
] as const;

/** The columns of accounts.csv, which has every customer that was compared. */
export const PARITY_ACCOUNT_COLUMNS = [
  'account',
  'asset',
  'due_billed',
  'due_other',
  'difference',
  'percent',
  'lines_that_differ',
  'charges_not_priced',
] as const;

/** Customers that the report shows; beyond it a browser gets slow and nobody reads on. */
const SHOWN_MAX = 500;

/** Writes every line that differs, every customer, and what could not be priced; and adds it up. */
export async function closeParity(
  { artifacts }: BillingDeps,
  run: RunOf<'parity'>,
  rows: ReadRows<ParityRow>,
  counts: Readonly<Record<string, number>>,
): Promise<BillingOutcome> {
  const write = (name: string, type: string, text: AsyncIterable<string>) =>
    streamText(artifacts, billingRunKey(run.id, name), type, text);
  const files: [string, Written][] = [
    ['parity.csv', await write('parity.csv', CSV_TYPE, differingLines(rows('compare')))],
    ['accounts.csv', await write('accounts.csv', CSV_TYPE, accountLines(rows('compare')))],
    ['unpriced.ndjson', await write('unpriced.ndjson', NDJSON_TYPE, unpricedLines(rows('compare')))],
  ];
  const { totals, lines, notPriced, shown } = await addUp(rows('compare'));
  const { same = 0, differs = 0 } = counts;
  const outcome: BillingOutcome = {
    sentence: sentenceOf(run, { accounts: same + differs, differs, lines, notPriced }),
    counts: { same, differs, 'lines-that-differ': lines, 'charges-not-priced': notPriced },
    totals,
    artifacts: ['parity.csv', 'accounts.csv', 'unpriced.ndjson', 'report.html', 'summary.json', 'manifest.json'],
  };
  const put = async (name: string, type: string, text: string) =>
    files.push([name, await putText(artifacts, billingRunKey(run.id, name), type, text)]);
  await put('report.html', 'text/html; charset=utf-8', await renderParity(run, outcome, shown));
  const summary = { id: run.id, spec: run.spec, startedAt: run.startedAt, ...outcome };
  await put('summary.json', JSON_TYPE, JSON.stringify(summary, undefined, 2));
  await writeManifest(artifacts, billingRunKey(run.id, 'manifest.json'), run.id, files);
  return outcome;
}

function sentenceOf(
  { spec }: RunOf<'parity'>,
  of: { readonly accounts: number; readonly differs: number; readonly lines: number; readonly notPriced: number },
): string {
  const head = `Parity of ${spec.month} with ${spec.rateCard ?? 'the file'}`;
  if (of.accounts === 0) return `${head}: there was nothing to compare.`;
  const customers = `${of.differs} of ${of.accounts} customers`;
  return `${head}: ${of.lines} lines differ, of ${customers}; ${of.notPriced} charges could not be priced.`;
}

async function* differingLines(rows: AsyncIterable<ParityRow>): AsyncGenerator<string> {
  yield csvLine(PARITY_COLUMNS);
  for await (const { invoice, asset, changes } of rows) {
    for (const change of changes) {
      const { unit, type, description, quantityBefore, quantityAfter, amountBefore, amountAfter } = change;
      yield csvLine([
        ...[invoice, unit, type, description, asset],
        ...[quantityBefore, quantityAfter].map((number) => ({ decimal: number })),
        ...sideBySide(BigInt(amountBefore), BigInt(amountAfter), asset),
      ]);
    }
  }
}

async function* accountLines(rows: AsyncIterable<ParityRow>): AsyncGenerator<string> {
  yield csvLine(PARITY_ACCOUNT_COLUMNS);
  for await (const row of rows) {
    const figures = [row.changes.length, chargesOf(row)].map((count) => ({ decimal: count.toString() }));
    yield csvLine([
      ...[row.account, row.asset],
      ...sideBySide(BigInt(row.billed), BigInt(row.other), row.asset),
      ...figures,
    ]);
  }
}

/** Both amounts, the difference and what it is of the first in percent. */
function sideBySide(billed: bigint, other: bigint, asset: string): CsvCell[] {
  const amounts = [billed, other, other - billed].map((amount) => decimalAmount(amount, asset));
  return [...amounts, percentOf(other - billed, billed)].map((number) => ({ decimal: number }));
}

/** A line that gives something back grows when it gives more. */
function percentOf(difference: bigint, billed: bigint): string {
  return billed < 0n ? percent(-difference, -billed) : percent(difference, billed);
}

async function* unpricedLines(rows: AsyncIterable<ParityRow>): AsyncGenerator<string> {
  for await (const { account, unpriced } of rows) {
    for (const each of unpriced) yield `${JSON.stringify({ account, ...each })}\n`;
  }
}

function chargesOf({ unpriced }: ParityRow): number {
  return unpriced.reduce((sum, { charges }) => sum + charges, 0);
}

async function addUp(rows: AsyncIterable<ParityRow>) {
  const sums = new Map<string, { before: bigint; after: bigint }>();
  const shown: ParityRow[] = [];
  let [lines, notPriced] = [0, 0];
  for await (const row of rows) {
    const so = sums.get(row.asset) ?? { before: 0n, after: 0n };
    sums.set(row.asset, { before: so.before + BigInt(row.billed), after: so.after + BigInt(row.other) });
    lines += row.changes.length;
    notPriced += chargesOf(row);
    if (shown.length < SHOWN_MAX && (row.changes.length > 0 || row.unpriced.length > 0)) shown.push(row);
  }
  const totals = [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([asset, { before, after }]) => ({ asset, before: `${before}`, after: `${after}` }));
  return { totals, lines, notPriced, shown };
}
