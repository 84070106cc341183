import { billingRunKey, streamText, type Written } from '../../../store/artifacts.ts';
import type { BillingOutcome } from '../../../store/billing-runs.ts';
import { csvLine } from '../../runtime/csv.ts';
import { NDJSON_TYPE } from '../reconciliation/parts.ts';
import type { BillingDeps, ReadRows, RunOf } from './job.ts';
import { writeManifest } from './manifest.ts';
import type { NoticeRow } from './notices.ts';

/** The columns of notices.csv. Others read the file by these names in this order: add at the end, change nothing. */
export const NOTICE_COLUMNS = [
  'account',
  'invoice_id',
  'kind',
  'outcome',
  'asset',
  'charged',
  'correct',
  'difference',
  'absorbed_percent',
  'absorbed',
  'final_amount',
  'message_id',
] as const;

/** Writes who was told what, and what could not be said. Amounts are minor units, as an operator posts them. */
export async function closeNotices(
  { artifacts }: BillingDeps,
  run: RunOf<'notices'>,
  rows: ReadRows<NoticeRow>,
  counts: Readonly<Record<string, number>>,
): Promise<BillingOutcome> {
  const write = (name: string, type: string, text: AsyncIterable<string>) =>
    streamText(artifacts, billingRunKey(run.id, name), type, text);
  const files: [string, Written][] = [
    ['notices.csv', await write('notices.csv', 'text/csv; charset=utf-8', csvLines(rows('tell')))],
    ['notices.ndjson', await write('notices.ndjson', NDJSON_TYPE, jsonLines(rows('tell')))],
  ];
  const totals = new Map<string, { before: bigint; after: bigint }>();
  for await (const { asset, charged, finalAmount } of rows('tell')) {
    const { before, after } = totals.get(asset) ?? { before: 0n, after: 0n };
    totals.set(asset, { before: before + BigInt(charged), after: after + BigInt(finalAmount) });
  }
  // The digests of the texts are in notices.ndjson.
  await writeManifest(artifacts, billingRunKey(run.id, 'manifest.json'), run.id, files);
  return {
    sentence: sentenceOf(run, counts),
    counts,
    totals: [...totals]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([asset, { before, after }]) => ({ asset, before: `${before}`, after: `${after}` })),
    artifacts: ['notices.csv', 'notices.ndjson', 'manifest.json'],
  };
}

function sentenceOf({ spec }: RunOf<'notices'>, counts: Readonly<Record<string, number>>): string {
  const count = (name: string) => counts[name] ?? 0;
  const others = [
    ...(count('sent-before') > 0 ? [`${count('sent-before')} were sent before`] : []),
    ...(count('blocked') > 0 ? [`${count('blocked')} wait, because the invoice is blocked`] : []),
    ...(count('overtaken') > 0 ? [`${count('overtaken')} were overtaken by a later change`] : []),
    ...(count('unknown') > 0 ? [`of ${count('unknown')} it is not known whether they went out: somebody looks`] : []),
  ];
  return `${[`${count('sent')} notices of ${spec.of} were sent`, ...others].join('; ')}.`;
}

async function* jsonLines(rows: AsyncIterable<NoticeRow>): AsyncGenerator<string> {
  for await (const { counts: _counts, ...said } of rows) yield `${JSON.stringify(said)}\n`;
}

async function* csvLines(rows: AsyncIterable<NoticeRow>): AsyncGenerator<string> {
  yield csvLine(NOTICE_COLUMNS);
  for await (const row of rows) {
    const { account, invoice, kind, outcome, asset, charged, correct, difference } = row;
    const figures = [charged, correct, difference, row.absorbedPercent, row.absorbed, row.finalAmount];
    yield csvLine([...[account, invoice, kind, outcome, asset], ...figures.map(BigInt), row.messageId ?? '']);
  }
}
