import type { DocumentKind } from '../../../domain/invoices/invoice.ts';
import { isDue } from '../../../domain/invoices/lines.ts';
import { decimalAmount, unitOf } from '../../../domain/money.ts';
import { type Month, periodOfMonth } from '../../../domain/time.ts';
import { type CsvCell, csvLine } from '../../runtime/csv.ts';
import type { ExportedDocument, ExportedLine, ExportRow } from './export.ts';

/**
 * The month's files for other programs. Columns have the names that FOCUS gives them (FinOps Open Cost and Usage
 * Specification 1.2) where it has one, and begin with `x_` where it has none. docs/exports.md says what each holds.
 * Others read them by these names in this order: add at the end, change nothing.
 */

export const CSV_TYPE = 'text/csv; charset=utf-8';

export const INVOICE_COLUMNS = [
  'InvoiceId',
  'BillingAccountId',
  'BillingPeriodStart',
  'BillingPeriodEnd',
  'BillingCurrency',
  'BilledCost',
  'x_InvoiceNumber',
  'x_DocumentKind',
  'x_OriginalInvoiceId',
  'x_Status',
  'x_FinalizedAt',
  'x_Asset',
  'x_OpeningBalance',
  'x_ClosingBalance',
  'x_LedgerTotal',
  'x_LineCount',
  'x_Version',
  'x_Digest',
  'x_BlockedBecause',
] as const;

export const LINE_COLUMNS = [
  'InvoiceId',
  'BillingAccountId',
  'SubAccountId',
  'BillingPeriodStart',
  'BillingPeriodEnd',
  'BillingCurrency',
  'ChargeCategory',
  'ChargeClass',
  'ChargeDescription',
  'ConsumedQuantity',
  'ConsumedUnit',
  'BilledCost',
  'x_InvoiceNumber',
  'x_Asset',
  'x_LineType',
  'x_Amount',
  'x_Quantity',
] as const;

/** The header, and a row for each document. */
export async function* invoicesCsv(rows: AsyncIterable<ExportRow>): AsyncGenerator<string> {
  yield csvLine(INVOICE_COLUMNS);
  for await (const row of rows) if ('document' in row) yield csvLine(documentCells(row.document));
}

/** The header, and a row for each line of each document. */
export async function* linesCsv(rows: AsyncIterable<ExportRow>): AsyncGenerator<string> {
  yield csvLine(LINE_COLUMNS);
  let of: ExportedDocument | undefined;
  for await (const row of rows) {
    if ('document' in row) of = row.document;
    else if (of !== undefined) yield csvLine(lineCells(of, row.line));
  }
}

function documentCells(document: ExportedDocument): CsvCell[] {
  const { id, account, month, asset, due, kind, number, original, status, finalizedAt, blocked } = document;
  const amount = (text: string) => ({ decimal: decimalAmount(BigInt(text), asset) });
  return [
    ...[id, account, ...periodCells(month), unitOf(asset), amount(due)],
    ...[number ?? '', kind, original ?? '', status, finalizedAt ?? '', asset],
    ...[amount(document.opening), amount(document.closing), amount(document.ledgerTotal)],
    ...[BigInt(document.lineCount), BigInt(document.version), document.digest, blocked.join(' ')],
  ];
}

function lineCells({ id, account, month, asset, kind, number }: ExportedDocument, line: ExportedLine): CsvCell[] {
  const amount = (minorUnits: bigint) => ({ decimal: decimalAmount(minorUnits, asset) });
  const category = CATEGORIES[line.type] ?? 'Adjustment';
  const quantity = BigInt(line.quantity);
  return [
    ...[id, account, line.unit, ...periodCells(month), unitOf(asset)],
    ...[category, chargeClass(kind), line.description],
    // FOCUS leaves what was consumed empty wherever nothing was.
    ...(category === 'Usage' ? [quantity, CONSUMED_UNIT] : ['', '']),
    amount(isDue(line) ? BigInt(line.amount) : 0n),
    ...[number ?? '', asset, line.type, amount(BigInt(line.amount)), quantity],
  ];
}

/** FOCUS's categories by types of lines; what was imported under a type of its own is an adjustment. */
const CATEGORIES: Readonly<Record<string, string>> = {
  usage: 'Usage',
  correction: 'Usage',
  grant: 'Credit',
  credit: 'Credit',
  fee: 'Purchase',
  tax: 'Tax',
};

/** What quantities count. */
const CONSUMED_UNIT = 'Transfers';

/** FOCUS: a correction is of a period that was invoiced before; what is corrected within its own period is not one. */
function chargeClass(kind: DocumentKind): string {
  return kind === 'invoice' ? '' : 'Correction';
}

function periodCells(month: Month): [start: string, end: string] {
  const { start, end } = periodOfMonth(month);
  return [`${start}T00:00:00Z`, `${end}T00:00:00Z`];
}
