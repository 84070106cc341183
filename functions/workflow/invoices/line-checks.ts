import { INVOICE_LINES_MAX, type Invoice, parseInvoiceId } from '../../../domain/invoices/invoice.ts';
import { type LifeRefusal, refusalOfLines } from '../../../domain/invoices/life.ts';
import { type ImportedLine, importedLines } from '../../../domain/invoices/line-import.ts';
import { getInvoice, readLines } from '../../../store/invoices.ts';
import { shown } from '../../events/import/unreadable.ts';
import type { RefusedLine } from '../announced-file.ts';
import type { BillingDeps, RunOf } from './job.ts';
import { amountOf, type LineRow } from './line-rows.ts';

/** What speaks against rows of a file of lines, each with what to do about it. */

/** The rows of one invoice, as they lie in a part of the file: a line of a file of JSON. Integers are decimal strings. */
export interface PartOfInvoice {
  readonly invoice: string;
  readonly rows: readonly (Omit<ImportedLine, 'quantity' | 'amount' | 'invoice'> & {
    readonly quantity: string;
    readonly amount: string;
  })[];
}

/** What speaks against an invoice by its id alone. */
export function objectionToName(id: string, wanted: string): string | undefined {
  const { month, sequence } = parseInvoiceId(id) ?? { month: '', sequence: 0 };
  if (month !== wanted)
    return `must be an invoice of ${wanted}, the month of this run: import each month by a run of its own`;
  if (sequence === 0) return undefined;
  return 'must be an invoice and no correction of one, which only its month’s regeneration makes: leave the row out';
}

/** Rows that a sentence names; it stays readable. */
const ROWS_NAMED_MAX = 5;

export function repeatedRule(same: readonly LineRow[]): string {
  const [first, rows] = [same[0], same.slice(0, ROWS_NAMED_MAX).map(({ row }) => row)];
  return `must be there once: lines ${rows.join(', ')} come to one line, "${shown(first?.description)}" of ${first?.unit}: keep one, or add them up`;
}

/** Holds the rows of one invoice against it as it stands; one row refused refuses nothing else here. */
export async function checkInvoice(
  deps: BillingDeps,
  run: RunOf<'import'>,
  id: string,
  rows: readonly LineRow[],
): Promise<{ readonly refused: readonly RefusedLine[]; readonly part?: PartOfInvoice }> {
  const name = parseInvoiceId(id);
  const invoice = name && (await getInvoice(deps.invoices, name));
  const objection = objectionTo(invoice, run.spec.month);
  if (invoice === undefined || objection !== undefined) {
    return { refused: rows.map((row) => refusedRow(row, 'invoice_id', objection ?? '')) };
  }
  const refused: RefusedLine[] = [];
  const lines: ImportedLine[] = [];
  for (const row of rows) {
    const line = lineOfRow(invoice, row);
    if ('errors' in line) refused.push(line);
    else lines.push(line);
  }
  if (refused.length > 0) return { refused };
  const tooMany = await objectionToCount(deps, invoice, lines);
  if (tooMany !== undefined) return { refused: rows.map((row) => refusedRow(row, 'invoice_id', tooMany)) };
  const written = lines.map(({ invoice: _invoice, ...line }) => {
    return { ...line, quantity: line.quantity.toString(), amount: line.amount.toString() };
  });
  return { refused: [], part: { invoice: id, rows: written } };
}

/** What speaks against putting lines onto an invoice as it stands, with what to do. */
export function objectionTo(invoice: Invoice | undefined, month: string): string | undefined {
  if (invoice === undefined) {
    return `must be an invoice that is there: generate ${month} first (reckoner invoices generate --month ${month}), or correct the id`;
  }
  const refusal = refusalOfLines(invoice);
  return refusal === undefined ? undefined : describeRefusal(refusal, invoice);
}

function describeRefusal(refusal: LifeRefusal, { number, review, lastRun, month }: Invoice): string {
  switch (refusal) {
    case 'final':
      return `must be a draft and is final as ${number}: correct the ledger, and regenerate ${month}, which makes a document of its own`;
    case 'void':
      return 'must be a draft and is void, so nobody gets it: leave the row out';
    case 'in-review':
      return `must be a draft and is in the review "${review}", whose approver has seen what it says: finalize it, or regenerate ${month} once the ledger is corrected`;
    case 'pending-regeneration':
      return `must be a draft and waits to be rebuilt by "${lastRun}": let that run end, then import`;
    default:
      return 'must be a draft';
  }
}

function lineOfRow(invoice: Invoice, row: LineRow): ImportedLine | RefusedLine {
  const { account, asset } = invoice;
  if (row.unit !== account && !row.unit.startsWith(`${account}:`)) {
    return refusedRow(
      row,
      'unit_id',
      `must be ${account} or an account below it, since the invoice is theirs: correct the unit or the invoice`,
    );
  }
  if (row.asset !== undefined && row.asset !== asset) {
    return refusedRow(
      row,
      'asset',
      `must be "${asset}": an invoice has one asset, and this one has that; bill another one apart`,
    );
  }
  const amount = amountOf(row.amount, asset);
  if (typeof amount !== 'bigint') return refusedRow(row, 'amount', amount.rule);
  const { asset: _asset, ...fields } = row;
  return { ...fields, amount };
}

/** Reads the lines of an invoice only where they might become too many. */
async function objectionToCount(
  { invoices, policy }: BillingDeps,
  invoice: Invoice,
  lines: readonly ImportedLine[],
): Promise<string | undefined> {
  const added = lines.length + policy.fees.length + policy.taxes.length;
  if (invoice.lineCount + added <= INVOICE_LINES_MAX) return undefined;
  const { length } = importedLines(policy, invoice, await readLines(invoices, invoice), lines).lines;
  if (length <= INVOICE_LINES_MAX) return undefined;
  return `must have at most ${INVOICE_LINES_MAX} lines and would have ${length}: add lines up under fewer descriptions`;
}

/** The cells of a row by their columns, for whoever looks for it in the file. */
export function refusedRow(row: LineRow, field: string, rule: string): RefusedLine {
  const cells: Readonly<Record<string, string | undefined>> = {
    ...{ invoice_id: row.invoice, unit_id: row.unit, line_type: row.type, description: row.description },
    ...{ quantity: row.quantity.toString(), amount: row.amount, asset: row.asset },
  };
  return { line: row.row, errors: [{ field, rule, value: shown(cells[field]) }] };
}
