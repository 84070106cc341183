import type { Invoice } from '../../../domain/invoices/invoice.ts';
import type { InvoiceLine } from '../../../domain/invoices/lines.ts';
import { describeTieFault } from '../../../domain/invoices/tie-out.ts';
import { inOrder } from '../../../domain/reconciliation/in-order.ts';
import { invoicesKey, streamText, type Written } from '../../../store/artifacts.ts';
import type { BillingOutcome } from '../../../store/billing-runs.ts';
import { pageName, putPage } from '../../../store/invoice-pages.ts';
import { listInvoices, readLines } from '../../../store/invoices.ts';
import { CSV_TYPE, invoicesCsv, linesCsv } from './export-csv.ts';
import { renderPage } from './export-page.ts';
import type { BillingDeps, BillingJob, ReadRows, Row, RunOf } from './job.ts';
import { writeManifest } from './manifest.ts';
import { bucketSlices, SLICES_AT_ONCE } from './slices.ts';

/** A document that was written out, or, behind its document, one of its lines. Amounts are decimal strings of minor units. */
export type ExportRow = DocumentRow | LineRow;

export interface DocumentRow extends Row {
  readonly document: ExportedDocument;
  readonly page: Written & { readonly name: string };
}

export interface LineRow extends Row {
  readonly line: ExportedLine;
}

type WithoutBigints<T, Names extends keyof T> = Omit<T, Names> & Readonly<Record<Names, string>>;

export type ExportedLine = WithoutBigints<InvoiceLine, 'quantity' | 'amount'>;

export type ExportedDocument = WithoutBigints<
  Pick<
    Invoice,
    | 'id'
    | 'account'
    | 'month'
    | 'kind'
    | 'original'
    | 'status'
    | 'number'
    | 'finalizedAt'
    | 'version'
    | 'digest'
    | 'asset'
    | 'opening'
    | 'closing'
    | 'due'
    | 'ledgerTotal'
    | 'lineCount'
  >,
  'opening' | 'closing' | 'due' | 'ledgerTotal'
> & {
  /** Why it cannot be sent, in sentences. */
  readonly blocked: readonly string[];
};

/** Documents of a slice written side by side: hides the network's latency. Each holds its lines meanwhile. */
const DOCUMENTS_AT_ONCE = 8;

/** Writes the month's invoices out: a page each, and files of all of them and of all their lines. */
export const exportJob: BillingJob<'export', ExportRow> = {
  passes: ['export'],
  concurrency: SLICES_AT_ONCE,
  plan: async () => bucketSlices(),
  work: (deps, run, { buckets }) => exportBuckets(deps, run, buckets),
  close: closeExport,
};

async function* exportBuckets(
  deps: BillingDeps,
  run: RunOf<'export'>,
  buckets: readonly string[],
): AsyncGenerator<ExportRow> {
  for (const bucket of buckets) {
    const invoices = listInvoices(deps.invoices, run.spec.month, bucket);
    for await (const some of inGroups(invoices, DOCUMENTS_AT_ONCE)) {
      const written = inOrder(some, DOCUMENTS_AT_ONCE, (invoice) => exportOne(deps, invoice));
      for await (const rows of written) yield* rows;
    }
  }
}

/** What is not to be sent is not written out. */
async function* inGroups(invoices: AsyncIterable<Invoice>, size: number): AsyncGenerator<Invoice[]> {
  let group: Invoice[] = [];
  for await (const invoice of invoices) {
    if (invoice.status === 'void') continue;
    group.push(invoice);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  yield group;
}

async function exportOne({ invoices, artifacts, policy }: BillingDeps, invoice: Invoice): Promise<ExportRow[]> {
  const lines = await readLines(invoices, invoice);
  const written = await putPage(artifacts, invoice, await renderPage(invoice, lines, policy.seller));
  const counts = ['documents', invoice.status, ...(invoice.faults.length > 0 ? ['blocked'] : [])];
  return [
    { counts, document: exportedDocument(invoice), page: { name: pageName(invoice), ...written } },
    ...lines.map((line) => {
      const { quantity, amount, ...key } = line;
      return { counts: ['lines'], line: { ...key, quantity: quantity.toString(), amount: amount.toString() } };
    }),
  ];
}

function exportedDocument(invoice: Invoice): ExportedDocument {
  const { id, account, month, kind, original, status, number, finalizedAt, version, digest, asset } = invoice;
  return {
    ...{ id, account, month, kind, status, version, digest, asset, lineCount: invoice.lineCount },
    ...(original !== undefined && { original }),
    ...(number !== undefined && { number }),
    ...(finalizedAt !== undefined && { finalizedAt }),
    opening: invoice.opening.toString(),
    closing: invoice.closing.toString(),
    due: invoice.due.toString(),
    ledgerTotal: invoice.ledgerTotal.toString(),
    blocked: invoice.faults.map((fault) => describeTieFault(fault, asset)),
  };
}

async function closeExport(
  { artifacts }: BillingDeps,
  run: RunOf<'export'>,
  rows: ReadRows<ExportRow>,
  counts: Readonly<Record<string, number>>,
): Promise<BillingOutcome> {
  const { month } = run.spec;
  const write = (name: string, text: AsyncIterable<string>) =>
    streamText(artifacts, invoicesKey(month, name), CSV_TYPE, text);
  const files: [string, Written][] = [
    ['invoices.csv', await write('invoices.csv', invoicesCsv(rows('export')))],
    ['lines.csv', await write('lines.csv', linesCsv(rows('export')))],
  ];
  const totals = new Map<string, bigint>();
  async function* pages() {
    for await (const row of rows('export')) {
      if (!('document' in row)) continue;
      const { asset, due } = row.document;
      totals.set(asset, (totals.get(asset) ?? 0n) + BigInt(due));
      yield [row.page.name, row.page] as const;
    }
  }
  // Pages may be many, and a run links each of its artifacts: they have a list of their own, whose digest is in the manifest.
  files.push(['pages.json', await writeManifest(artifacts, invoicesKey(month, 'pages.json'), run.id, pages())]);
  await writeManifest(artifacts, invoicesKey(month, 'manifest.json'), run.id, files);
  const count = (name: string) => counts[name] ?? 0;
  return {
    sentence: `${count('documents')} documents of ${month} with ${count('lines')} lines are written out, ${count('final')} of them final.`,
    counts,
    totals: [...totals]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([asset, due]) => ({ asset, before: '0', after: `${due}` })),
    folder: invoicesKey(month, ''),
    artifacts: ['invoices.csv', 'lines.csv', 'pages.json', 'manifest.json'],
  };
}
