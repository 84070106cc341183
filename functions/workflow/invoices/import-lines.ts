import { INVOICE_LINES_MAX, type Invoice, parseInvoiceId } from '../../../domain/invoices/invoice.ts';
import { rebuilt } from '../../../domain/invoices/life.ts';
import { importedLines, type MergeCounts } from '../../../domain/invoices/line-import.ts';
import type { InvoiceLine } from '../../../domain/invoices/lines.ts';
import { describeTieFault, type TieFault } from '../../../domain/invoices/tie-out.ts';
import { inOrder } from '../../../domain/reconciliation/in-order.ts';
import { readLines as readText } from '../../../store/artifacts.ts';
import { getInvoice, readLines, writeInvoice } from '../../../store/invoices.ts';
import { getLineNote, type LineNote, type NotedVersion, putLineNote } from '../../../store/line-imports.ts';
import { ATTEMPTS_MAX, InvoiceContendedError } from './change-invoice.ts';
import { closeImport } from './close-lines.ts';
import { changeBy, digested } from './content.ts';
import type { BillingDeps, BillingJob, BillingSlice, Row, RunOf } from './job.ts';
import { objectionTo, type PartOfInvoice } from './line-checks.ts';
import { contentOf, faultsOf, ledgerReader, notedVersion, type ReadLedger } from './line-versions.ts';
import { planLines } from './plan-lines.ts';
import { SLICES_AT_ONCE } from './slices.ts';

/** What an import or a rollback of lines did to one invoice. Amounts are decimal strings of minor units. */
export interface LinesRow extends Row, MergeCounts {
  readonly invoice: string;
  readonly asset: string;
  readonly before?: RowVersion;
  readonly after?: RowVersion;
  /** Why it is blocked since, in sentences. */
  readonly blocked: readonly string[];
  /** Why nothing was done to it, and how many rows that concerns. */
  readonly left?: { readonly rows: number; readonly reason: string };
}

interface RowVersion {
  readonly version: number;
  readonly digest: string;
  readonly due: string;
}

/** Invoices of a slice worked on side by side: hides the network's latency. */
export const INVOICES_AT_ONCE = 8;

/** Puts the lines of a file onto drafts, all of it or nothing where a row is refused. */
export const importJob: BillingJob<'import', LinesRow> = {
  passes: ['import'],
  concurrency: SLICES_AT_ONCE,
  plan: planLines,
  work: importPart,
  close: closeImport,
};

async function* importPart(deps: BillingDeps, run: RunOf<'import'>, { key }: BillingSlice): AsyncGenerator<LinesRow> {
  const parts = await partsOf<PartOfInvoice>(deps, key);
  const readLedger = ledgerReader(
    deps,
    parts.map(({ invoice }) => invoice),
  );
  yield* inOrder(parts, INVOICES_AT_ONCE, (part) => importOne(deps, run, readLedger, part));
}

/** The input of a slice; nothing where it has none. */
export async function partsOf<Part>({ artifacts }: BillingDeps, key: string | undefined): Promise<Part[]> {
  if (key === undefined) return [];
  return Array.fromAsync(readText(artifacts, key), (line) => JSON.parse(line) as Part);
}

/** Brings one invoice to its next version, whoever else changes it meanwhile; what an earlier attempt did is told by its note. */
async function importOne(
  deps: BillingDeps,
  run: RunOf<'import'>,
  readLedger: ReadLedger,
  { invoice: id, rows }: PartOfInvoice,
): Promise<LinesRow> {
  const name = parseInvoiceId(id);
  if (name === undefined) throw new TypeError(`"${id}" is not the id of an invoice.`);
  const lines = rows.map(
    (row): InvoiceLine => ({ ...row, quantity: BigInt(row.quantity), amount: BigInt(row.amount) }),
  );
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const current = await getInvoice(deps.invoices, name);
    // Behind the invoice: whoever reads it as an earlier attempt left it finds the note that was written with it.
    const note = await getLineNote(deps.invoices, run.id, id);
    const asset = current?.asset ?? '';
    if (note !== undefined) return rowOfNote(note, asset, ['imported']);
    const objection = objectionTo(current, run.spec.month);
    if (current === undefined || objection !== undefined) return leftRow(id, asset, rows.length, objection ?? '');
    const merged = importedLines(deps.policy, current, await readLines(deps.invoices, current), lines);
    if (merged.inserted + merged.updated === 0) return unchangedRow(current, merged);
    if (merged.lines.length > INVOICE_LINES_MAX) {
      return leftRow(id, asset, rows.length, `would have ${merged.lines.length} lines, more than an invoice can have`);
    }
    const next = await nextVersion(deps, run, readLedger, current, merged);
    if (run.spec.dryRun) return rowOfNote(next.note, asset, ['imported']);
    const options = { lines: merged.lines, items: [putLineNote(deps.invoices, run.id, next.note)] };
    const result = await writeInvoice(deps.invoices, current, next.invoice, options);
    if (result === 'written') return rowOfNote(next.note, asset, ['imported']);
  }
  throw new InvoiceContendedError(`${id} was changed by others ${ATTEMPTS_MAX} times; run it again.`);
}

async function nextVersion(
  deps: BillingDeps,
  run: RunOf<'import'>,
  readLedger: ReadLedger,
  current: Invoice,
  { lines, inserted, updated, unchanged }: ReturnType<typeof importedLines>,
): Promise<{ readonly invoice: Invoice; readonly note: LineNote }> {
  const read = await readLedger(current);
  const faults = await faultsOf(deps, read, run.spec.month, lines);
  const built = digested(contentOf(current, read.ledger, lines), faults);
  return changed(current, rebuilt(current, built, changeBy(run), 'imported'), faults, { inserted, updated, unchanged });
}

/** The next version of an invoice and the note of how it came about. */
export function changed(
  current: Invoice,
  moved: ReturnType<typeof rebuilt>,
  faults: readonly TieFault[],
  counts: MergeCounts,
): { readonly invoice: Invoice; readonly note: LineNote } {
  if (moved.kind === 'refused') throw new TypeError(`${current.id} is no draft: ${moved.reason}.`);
  const { invoice } = moved;
  const note = { ...counts, invoice: invoice.id, before: notedVersion(current), after: notedVersion(invoice), faults };
  return { invoice, note };
}

/** What a note says; the same whether it was written just now or by an attempt that broke off. */
export function rowOfNote(note: LineNote, asset: string, counts: readonly string[]): LinesRow {
  const { invoice, before, after, faults, inserted, updated, unchanged } = note;
  return {
    counts: [...counts, ...(faults.length > 0 ? ['blocked'] : [])],
    ...{ invoice, asset, inserted, updated, unchanged },
    ...{ before: rowVersion(before), after: rowVersion(after) },
    blocked: faults.map((fault) => describeTieFault(fault, asset)),
  };
}

function rowVersion({ version, digest, due }: Pick<NotedVersion, 'version' | 'digest' | 'due'>): RowVersion {
  return { version, digest, due: due.toString() };
}

function unchangedRow(current: Invoice, { unchanged }: MergeCounts): LinesRow {
  const version = rowVersion(current);
  const counts = { inserted: 0, updated: 0, unchanged };
  return {
    counts: [],
    invoice: current.id,
    asset: current.asset,
    ...counts,
    before: version,
    after: version,
    blocked: [],
  };
}

/** An invoice that nothing was done to. */
export function leftRow(invoice: string, asset: string, rows: number, reason: string): LinesRow {
  const none = { inserted: 0, updated: 0, unchanged: 0 };
  return { counts: ['left'], invoice, asset, ...none, blocked: [], left: { rows, reason } };
}
