import { decimalAmount } from '../../../domain/money.ts';
import type { FindingLine } from '../../../domain/reconciliation/findings.ts';
import { csvLine } from '../../runtime/csv.ts';

/** The columns of missing_lines.csv. Others read the file by these names in this order: add at the end, change nothing. */
export const MISSING_LINE_COLUMNS = [
  'finding_id',
  'account',
  'request_id',
  'occurred_at',
  'operation',
  'quantities',
  'asset',
  'expected_amount',
  'cause',
] as const;

/** The columns of missing_lines.csv of a comparison of invoices: those of an import of lines, for which it is good as it is. */
export const MISSING_INVOICE_LINE_COLUMNS = [
  'invoice_id',
  'unit_id',
  'line_type',
  'description',
  'quantity',
  'amount',
  'asset',
] as const;

/** The header, and each line that the ledger has and the invoice does not. Amounts are in the asset's unit. */
export async function* missingInvoiceLines(findings: AsyncIterable<FindingLine>): AsyncGenerator<string> {
  yield csvLine(MISSING_INVOICE_LINE_COLUMNS);
  for await (const { kind, account, asset, expected = '0', invoice } of findings) {
    if (kind !== 'missing' || invoice?.line === undefined) continue;
    const { type, description, expectedQuantity } = invoice.line;
    yield csvLine([
      invoice.id,
      account,
      type,
      description,
      { decimal: expectedQuantity },
      { decimal: decimalAmount(BigInt(expected), asset) },
      asset,
    ]);
  }
}

/** The header, and a line for each request that was used and not charged (RFC 4180). Amounts are minor units. */
export async function* missingLines(findings: AsyncIterable<FindingLine>): AsyncGenerator<string> {
  yield csvLine(MISSING_LINE_COLUMNS);
  for await (const finding of findings) {
    const [evidence] = finding.evidence;
    if (finding.kind !== 'missing' || evidence === undefined) continue;
    yield csvLine([
      finding.id,
      finding.account,
      finding.requestId ?? '',
      finding.at,
      evidence.operation,
      Object.entries(evidence.quantities)
        .map(([dimension, quantity]) => `${dimension}=${quantity}`)
        .join(';'),
      finding.asset,
      finding.expected ?? '',
      finding.cause ?? '',
    ]);
  }
}
