import { LINE_IMPORT_PARTS_MAX, LINE_IMPORT_ROWS_MAX } from '../../../contract/limits.ts';
import { parseInvoiceId } from '../../../domain/invoices/invoice.ts';
import { partsOfRows, repeatedRows } from '../../../domain/invoices/line-import.ts';
import { inOrder } from '../../../domain/reconciliation/in-order.ts';
import { billingRunKey, getText, putText, streamText, type Written } from '../../../store/artifacts.ts';
import { hasNotes } from '../../../store/line-imports.ts';
import { bucketOf } from '../../../store/tables.ts';
import { readLines } from '../../events/import/lines.ts';
import { readCsvRows } from '../../events/import/rows.ts';
import { announcedBytes, ERRORS_FILE, INPUT_FILE, type RefusedLine, writeRefused } from '../announced-file.ts';
import { JSON_TYPE, NDJSON_TYPE } from '../reconciliation/parts.ts';
import type { BillingDeps, BillingSlice, RunOf } from './job.ts';
import { checkInvoice, objectionToName, type PartOfInvoice, refusedRow, repeatedRule } from './line-checks.ts';
import { type LineRow, objectionToLines, readLineRow } from './line-rows.ts';

/** The file of an import is not there, is not the one that was announced, or has nothing or too much in it. */
export class LinesFileError extends Error {
  override name = 'LinesFileError';
}

/** What the check of a file came to. Where anything is refused, nothing of it is written. */
export interface LinesPlan {
  readonly read: number;
  readonly refused: number;
  /** Rows that say again what line a row before them is of. */
  readonly duplicates: number;
  readonly slices: readonly BillingSlice[];
  /** The list of refused rows. */
  readonly errors: Written;
}

/** Invoices looked up at once: one short read each, so 200,000 of them take a few minutes of the 15 that there are. */
const INVOICES_AT_ONCE = 32;

/**
 * Reads a file whole and checks every row of it before anything is written; then cuts it into parts. A run that broke off
 * after it had begun to write keeps its plan: what it wrote itself must not speak against its own rows.
 * @throws LinesFileError, UnreadableFileError
 */
export async function planLines(deps: BillingDeps, run: RunOf<'import'>): Promise<readonly BillingSlice[]> {
  const planKey = billingRunKey(run.id, 'plan.json');
  if (await hasNotes(deps.invoices, run.id)) {
    return (JSON.parse(await getText(deps.artifacts, planKey)) as LinesPlan).slices;
  }
  const { id, spec } = run;
  const objection = ({ invoice }: LineRow) => objectionToName(invoice, spec.month);
  const { rows, read, refused, repeated } = await readLineFile(deps, { id, sha256: spec.sha256 }, 'import', objection);
  const groups: PartOfInvoice[] = [];
  const invoices = [...Map.groupBy(rows, ({ invoice }) => invoice)].map(([id, own]) => ({
    place: placeOf(id),
    id,
    own,
  }));
  invoices.sort((a, b) => (a.place < b.place ? -1 : 1));
  const checked = inOrder(invoices, INVOICES_AT_ONCE, ({ id, own }) => checkInvoice(deps, run, id, own));
  for await (const { refused: its, part } of checked) {
    refused.push(...its);
    if (part !== undefined) groups.push(part);
  }
  const lines = byLine(refused);
  const errors = await writeRefused(deps.artifacts, billingRunKey(run.id, ERRORS_FILE), lines);
  const duplicates = repeated.reduce((sum, same) => sum + same.length - 1, 0);
  const slices = lines.length > 0 ? [] : await writeParts(deps, run, groups);
  const plan: LinesPlan = { read, refused: lines.length, duplicates, slices: atLeastOne(slices), errors };
  await putText(deps.artifacts, planKey, JSON_TYPE, JSON.stringify(plan));
  return plan.slices;
}

/** What speaks against each row of a file, all of it. */
export function byLine(refused: readonly RefusedLine[]): RefusedLine[] {
  return [...Map.groupBy(refused, ({ line }) => line)].map(([line, same]) => {
    return { line, errors: same.flatMap((each) => each.errors) };
  });
}

/** A run without anything to write has one slice without anything in it. */
function atLeastOne(slices: readonly BillingSlice[]): readonly BillingSlice[] {
  return slices.length > 0 ? slices : [{ id: 'none', buckets: [] }];
}

/**
 * Reads a file of lines whole, by the rules that need nothing but the file; refused are rows that are there twice, too.
 * @param objectionTo what speaks against a row by its invoice's id.
 * @throws LinesFileError, UnreadableFileError
 */
export async function readLineFile(
  { artifacts }: BillingDeps,
  { id, sha256 }: { readonly id: string; readonly sha256: string },
  purpose: 'import' | 'compare',
  objectionTo: (row: LineRow) => string | undefined,
) {
  const bytes = announcedBytes(artifacts, billingRunKey(id, INPUT_FILE), {
    ...{ sha256, owner: 'run', again: 'start the run again' },
    fault: (message, options) => new LinesFileError(message, options),
  });
  const rows: LineRow[] = [];
  const refused: RefusedLine[] = [];
  let read = 0;
  for await (const found of readCsvRows(readLines(bytes), objectionToLines)) {
    read += 1;
    if (read > LINE_IMPORT_ROWS_MAX) {
      const advice = 'send it in several, each under its own run id';
      throw new LinesFileError(`The file has more than ${LINE_IMPORT_ROWS_MAX} rows; ${advice}.`);
    }
    const result = readLineRow(found, purpose);
    const objection = result.ok ? objectionTo(result.row) : undefined;
    if (!result.ok) refused.push(result);
    else if (objection !== undefined) refused.push(refusedRow(result.row, 'invoice_id', objection));
    else rows.push(result.row);
  }
  if (read === 0) throw new LinesFileError('The file has a header and no rows; there is nothing to import.');
  const repeated = repeatedRows(rows);
  refused.push(...repeated.flatMap((same) => same.map((row) => refusedRow(row, 'description', repeatedRule(same)))));
  return { rows, read, refused, repeated };
}

/** Where invoices lie side by side in the table, and the accounts of their customers too. */
function placeOf(invoice: string): string {
  return `${bucketOf(parseInvoiceId(invoice)?.account ?? '')}#${invoice}`;
}

async function writeParts(
  { artifacts }: BillingDeps,
  { id, spec: { batchSize } }: RunOf<'import'>,
  invoices: readonly PartOfInvoice[],
): Promise<BillingSlice[]> {
  const parts = partsOfRows(invoices, batchSize);
  if (parts.length > LINE_IMPORT_PARTS_MAX) {
    const rule = `more than the ${LINE_IMPORT_PARTS_MAX} that one run may have; make the batches larger`;
    throw new LinesFileError(`The file comes to ${parts.length} batches of ${batchSize} rows, ${rule}.`);
  }
  return writeSliceFiles(artifacts, id, parts);
}

/** Writes the input of slices, a file of lines of JSON for each. */
export async function writeSliceFiles(
  artifacts: BillingDeps['artifacts'],
  runId: string,
  parts: readonly (readonly object[])[],
): Promise<BillingSlice[]> {
  const slices = parts.map((things, index): { slice: BillingSlice & { key: string }; things: readonly object[] } => {
    const id = (index + 1).toString().padStart(4, '0');
    return { slice: { id, buckets: [], key: billingRunKey(runId, `parts/input-${id}.ndjson`) }, things };
  });
  const written = inOrder(slices, FILES_AT_ONCE, async ({ slice, things }) => {
    await streamText(artifacts, slice.key, NDJSON_TYPE, jsonLines(things));
    return slice;
  });
  return Array.fromAsync(written);
}

/** Files written at once. */
const FILES_AT_ONCE = 8;

async function* jsonLines(things: readonly object[]): AsyncGenerator<string> {
  for (const thing of things) yield `${JSON.stringify(thing)}\n`;
}
