import type { Invoice } from '../../../domain/invoices/invoice.ts';
import { parseInvoiceId } from '../../../domain/invoices/invoice.ts';
import { type Built, rebuilt, refusalOfLines } from '../../../domain/invoices/life.ts';
import type { InvoiceLine } from '../../../domain/invoices/lines.ts';
import { inOrder } from '../../../domain/reconciliation/in-order.ts';
import { getInvoice, type InvoicesStore, readLines, readVersions, writeInvoice } from '../../../store/invoices.ts';
import { getLineNote, type LineNote, notedInvoices, putLineNote } from '../../../store/line-imports.ts';
import { ATTEMPTS_MAX, InvoiceContendedError } from './change-invoice.ts';
import { closeRollback } from './close-lines.ts';
import { changeBy, digested } from './content.ts';
import { changed, INVOICES_AT_ONCE, type LinesRow, leftRow, partsOf, rowOfNote } from './import-lines.ts';
import type { BillingDeps, BillingJob, BillingSlice, RunOf } from './job.ts';
import { contentOf, faultsOf, ledgerReader, type ReadLedger } from './line-versions.ts';
import { writeSliceFiles } from './plan-lines.ts';
import { SLICES_AT_ONCE } from './slices.ts';

/** Gives the invoices that an import changed their lines of before back, where nothing came since. */
export const rollbackJob: BillingJob<'rollback', LinesRow> = {
  passes: ['restore'],
  concurrency: SLICES_AT_ONCE,
  plan: planRollback,
  work: restorePart,
  close: closeRollback,
};

/** Invoices of a slice: each reads the transfers of its customer's month. */
const SLICE_INVOICES = 500;

interface NotedInvoice {
  readonly invoice: string;
}

/** The notes of the import, which has ended, say what it changed; they stay, so planning again comes to the same. */
async function planRollback(deps: BillingDeps, run: RunOf<'rollback'>): Promise<readonly BillingSlice[]> {
  const slices: NotedInvoice[][] = [[]];
  for await (const invoice of notedInvoices(deps.invoices, run.spec.of)) {
    if ((slices.at(-1)?.length ?? 0) >= SLICE_INVOICES) slices.push([]);
    slices.at(-1)?.push({ invoice });
  }
  return writeSliceFiles(deps.artifacts, run.id, slices);
}

async function* restorePart(
  deps: BillingDeps,
  run: RunOf<'rollback'>,
  { key }: BillingSlice,
): AsyncGenerator<LinesRow> {
  const parts = await partsOf<NotedInvoice>(deps, key);
  const readLedger = ledgerReader(
    deps,
    parts.map(({ invoice }) => invoice),
  );
  yield* inOrder(parts, INVOICES_AT_ONCE, ({ invoice }) => restoreOne(deps, run, readLedger, invoice));
}

async function restoreOne(
  deps: BillingDeps,
  run: RunOf<'rollback'>,
  readLedger: ReadLedger,
  id: string,
): Promise<LinesRow> {
  const name = parseInvoiceId(id);
  const imported = await getLineNote(deps.invoices, run.spec.of, id);
  if (name === undefined || imported === undefined) throw new TypeError(`${run.spec.of} has no note of ${id}.`);
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const current = await getInvoice(deps.invoices, name);
    // Behind the invoice, as an import reads it.
    const note = await getLineNote(deps.invoices, run.id, id);
    if (current === undefined) throw new TypeError(`${id} is not there any more, and nothing ever removes an invoice.`);
    if (note !== undefined) return rowOfNote(note, current.asset, ['restored']);
    if (current.digest === imported.before.digest) {
      return {
        ...leftRow(id, current.asset, 0, 'It says what it said before the import already.'),
        counts: ['restored-before'],
      };
    }
    const reason = await whatCameSince(deps.invoices, current, imported);
    if (reason !== undefined) return leftRow(id, current.asset, imported.inserted + imported.updated, reason);
    const { built, lines } = await before(deps, readLedger, current, imported);
    const next = changed(current, rebuilt(current, built, changeBy(run), 'restored'), built.faults, imported);
    const options = { lines, items: [putLineNote(deps.invoices, run.id, next.note)] };
    const result = await writeInvoice(deps.invoices, current, next.invoice, options);
    if (result === 'written') return rowOfNote(next.note, current.asset, ['restored']);
  }
  throw new InvoiceContendedError(`${id} was changed by others ${ATTEMPTS_MAX} times; run it again.`);
}

/** The kept lines of a version are not what its digest was made of. */
export class KeptLinesDifferError extends Error {
  override name = 'KeptLinesDifferError';
}

/** The content of before the import, byte for byte: its lines are kept under its digest, which must come out again. */
async function before(
  deps: BillingDeps,
  readLedger: ReadLedger,
  current: Invoice,
  { before: version }: LineNote,
): Promise<{ readonly built: Built; readonly lines: readonly InvoiceLine[] }> {
  const lines = await readLines(deps.invoices, { id: current.id, digest: version.digest });
  const faults = await faultsOf(deps, await readLedger(current), current.month, lines);
  const built = digested(contentOf(current, version, lines), faults);
  if (built.digest === version.digest) return { built, lines };
  const advice = 'Somebody changed them in the table: regenerate the invoice instead.';
  throw new KeptLinesDifferError(
    `The kept lines of ${current.id}, version ${version.version}, are not its own. ${advice}`,
  );
}

/** Runs that a sentence names; it stays readable. */
const RUNS_NAMED_MAX = 5;

/** Who came between the import and its rollback, as a sentence; undefined where nobody did. */
async function whatCameSince(store: InvoicesStore, current: Invoice, { after }: LineNote): Promise<string | undefined> {
  if (current.version !== after.version || current.digest !== after.digest) {
    const later = (await readVersions(store, current.id)).filter(({ version }) => version > after.version);
    const runs = [...new Set(later.map(({ run }) => run))].slice(0, RUNS_NAMED_MAX).join(', ');
    return `It has version ${current.version} since, by ${runs}: compare it (reckoner invoices diff ${current.id}) and import what it should say.`;
  }
  const refusal = refusalOfLines(current);
  if (refusal === undefined) return undefined;
  return `It is ${current.status} since, by ${current.lastRun}: what is not a draft is not changed.`;
}
