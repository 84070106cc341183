import { billedAccountOf, billedAssetOf, parseInvoiceId } from '../../../domain/invoices/invoice.ts';
import { type InvoiceLine, sumLines } from '../../../domain/invoices/lines.ts';
import type { Asset } from '../../../domain/money.ts';
import { inOrder } from '../../../domain/reconciliation/in-order.ts';
import { billingRunKey } from '../../../store/artifacts.ts';
import type { BillingSpec } from '../../../store/billing-runs.ts';
import { listInvoices } from '../../../store/invoices.ts';
import { bucketOf } from '../../../store/tables.ts';
import { ERRORS_FILE, type RefusedLine, writeRefused } from '../announced-file.ts';
import { readDocuments } from './documents.ts';
import { partsOf } from './import-lines.ts';
import type { BillingDeps, BillingSlice } from './job.ts';
import { refusedRow } from './line-checks.ts';
import { amountOf, type LineRow } from './line-rows.ts';
import { type ParityRow, parityRow } from './parity-rows.ts';
import { byLine, LinesFileError, readLineFile, writeSliceFiles } from './plan-lines.ts';
import { accountFilter, bucketSlices } from './slices.ts';

type ParitySpec = Extract<BillingSpec, { kind: 'parity' }>;

/** What a file says of a customer: a line of a slice's input. Integers are decimal strings. */
interface CustomerLines {
  readonly account: string;
  readonly asset: Asset;
  readonly lines: readonly (Omit<InvoiceLine, 'quantity' | 'amount'> & {
    readonly quantity: string;
    readonly amount: string;
  })[];
}

/** Customers of a slice compared side by side: hides the network's latency. */
const CUSTOMERS_AT_ONCE = 8;

/**
 * Reads a file of lines whole and parts it by the buckets of its customers. Every bucket has a slice, because an invoice
 * that the file does not have differs too.
 * @throws LinesFileError where a row cannot be compared
 */
export async function planFile(
  deps: BillingDeps,
  {
    id,
    sha256,
    month,
    accounts,
  }: Pick<ParitySpec, 'month' | 'accounts'> & { readonly id: string; readonly sha256: string },
): Promise<readonly BillingSlice[]> {
  const isWanted = accountFilter(accounts);
  const { rows, refused, read } = await readLineFile(deps, { id, sha256 }, 'compare', ({ invoice }) =>
    parseInvoiceId(invoice)?.month === month ? undefined : `must be an invoice of ${month}, the month of this run`,
  );
  const customers: CustomerLines[] = [];
  for (const [account, own] of Map.groupBy(rows, ({ invoice }) => customerOf(invoice))) {
    if (!isWanted(account)) continue;
    const lines = linesOf(billedAssetOf(deps.chart, account), own);
    refused.push(...lines.refused);
    if (lines.asset !== undefined) customers.push({ account, asset: lines.asset, lines: lines.lines.map(written) });
  }
  if (refused.length > 0) throw await refusal(deps, id, read, byLine(refused));
  const slices = bucketSlices(accounts);
  const parts = slices.map(({ buckets }) => customers.filter(({ account }) => buckets.includes(bucketOf(account))));
  const files = await writeSliceFiles(deps.artifacts, id, parts);
  return slices.map((slice, index) => ({
    ...slice,
    ...(files[index]?.key !== undefined && { key: files[index].key }),
  }));
}

/** What the file says of the customers of a slice beside what they were invoiced, corrections included. */
export async function* compareFileSlice(
  deps: BillingDeps,
  { month, accounts }: ParitySpec,
  { buckets, key }: BillingSlice,
): AsyncGenerator<ParityRow> {
  const isWanted = accountFilter(accounts);
  const customers = new Map<string, Pick<CustomerLines, 'asset'> & Partial<CustomerLines>>();
  for (const bucket of buckets) {
    for await (const { account, asset } of listInvoices(deps.invoices, month, bucket)) {
      if (isWanted(account)) customers.set(account, { asset });
    }
  }
  for (const customer of await partsOf<CustomerLines>(deps, key)) customers.set(customer.account, customer);
  const sorted = [...customers].sort(([a], [b]) => (a < b ? -1 : 1));
  const rows = inOrder(sorted, CUSTOMERS_AT_ONCE, async ([account, { asset, lines = [] }]) => {
    const { documents } = await readDocuments(deps.invoices, { month, account });
    const billed = sumLines(documents.map((document) => document.lines));
    const other = sumLines([lines.map(read)]);
    return parityRow({ month, account, sequence: 0 }, asset, billed, other);
  });
  for await (const row of rows) if (row.billed !== '0' || row.other !== '0' || row.changes.length > 0) yield row;
}

function customerOf(invoice: string): string {
  return billedAccountOf(parseInvoiceId(invoice)?.account ?? '');
}

/** The rows of a customer as lines, or what speaks against them. */
function linesOf(asset: Asset | undefined, rows: readonly LineRow[]) {
  const lines: InvoiceLine[] = [];
  const refused: RefusedLine[] = [];
  for (const row of rows) {
    const account = customerOf(row.invoice);
    if (asset === undefined)
      refused.push(refusedRow(row, 'invoice_id', `must be of a customer that is billed, which ${account} is not`));
    else if (row.asset !== undefined && row.asset !== asset) {
      refused.push(refusedRow(row, 'asset', `must be "${asset}", in which ${account} is billed`));
    } else {
      const amount = amountOf(row.amount, asset);
      const { unit, type, description, quantity } = row;
      if (typeof amount === 'bigint') lines.push({ unit, type, description, quantity, amount });
      else refused.push(refusedRow(row, 'amount', amount.rule));
    }
  }
  return { asset, lines, refused };
}

/** Rows that a sentence names; the list has all of them. */
const NAMED_MAX = 3;

/** A file that is compared in part would say that what it lacks differs, so it is compared whole or not at all. */
async function refusal(deps: BillingDeps, id: string, read: number, refused: readonly RefusedLine[]): Promise<Error> {
  const key = billingRunKey(id, ERRORS_FILE);
  await writeRefused(deps.artifacts, key, refused);
  const named = [...refused]
    .sort((a, b) => a.line - b.line)
    .slice(0, NAMED_MAX)
    .map(({ line, errors: [first] }) => `line ${line}: "${first?.field}" ${first?.rule}`);
  return new LinesFileError(
    `${refused.length} of ${read} rows cannot be compared, so nothing was: ${named.join('; ')}. All are in ${key}. Mend the file and send it under a new run id.`,
  );
}

function written({ quantity, amount, ...line }: InvoiceLine): CustomerLines['lines'][number] {
  return { ...line, quantity: quantity.toString(), amount: amount.toString() };
}

function read({ quantity, amount, ...line }: CustomerLines['lines'][number]): InvoiceLine {
  return { ...line, quantity: BigInt(quantity), amount: BigInt(amount) };
}
