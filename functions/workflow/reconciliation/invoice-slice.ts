import type { Finding } from '../../../domain/reconciliation/findings.ts';
import { inOrder } from '../../../domain/reconciliation/in-order.ts';
import { compareInvoiceBooks, type InvoiceBooks } from '../../../domain/reconciliation/invoices.ts';
import type { Slice } from '../../../domain/reconciliation/slices.ts';
import type { Counter } from '../../../domain/reconciliation/summary.ts';
import type { Month } from '../../../domain/time.ts';
import { type InvoicesStore, listInvoices } from '../../../store/invoices.ts';
import { readDocuments } from '../invoices/documents.ts';
import { familiesOfBucket, withUnits } from '../invoices/families.ts';
import { type BilledFamily, type LedgerLinesDeps, readLedgerLines } from '../invoices/ledger-lines.ts';

export interface InvoiceSliceDeps extends LedgerLinesDeps {
  readonly invoices: InvoicesStore;
}

/** Customers compared side by side; each reads many days at once already. */
const FAMILIES_AT_ONCE = 8;

/**
 * Compares what the ledger's transfers of a month come to with what was invoiced of them, for all customers of the
 * slice's buckets in order of account. What somebody said is not to be sent is compared with nothing.
 * @param isWanted says of a billed account whether the run compares it.
 */
export async function* compareInvoices(
  deps: InvoiceSliceDeps,
  { buckets, month }: Extract<Slice, { kind: 'invoices' }>,
  counter: Counter,
  isWanted: (account: string) => boolean = () => true,
): AsyncGenerator<readonly Finding[]> {
  for (const bucket of buckets) {
    const books = inOrder(await customersOf(deps, bucket, month, isWanted), FAMILIES_AT_ONCE, async (customer) =>
      readBooks(deps, await withUnits(deps.ledger, customer), month),
    );
    for await (const { isVoid, checked, ...read } of books) {
      counter.count('accountsSeen');
      counter.count('balancesChecked', checked);
      yield isVoid ? [] : compareInvoiceBooks(read, counter);
    }
  }
}

type Customer = Awaited<ReturnType<typeof familiesOfBucket>>[number];

/** Customers that the ledger has, and those that only have an invoice, because the chart does not bill them any more. */
async function customersOf(
  deps: InvoiceSliceDeps,
  bucket: string,
  month: Month,
  isWanted: (account: string) => boolean,
): Promise<Customer[]> {
  const customers = new Map<string, Customer>();
  for (const family of await familiesOfBucket(deps, bucket, isWanted)) customers.set(family.account, family);
  for await (const { account, asset } of listInvoices(deps.invoices, month, bucket)) {
    if (isWanted(account) && !customers.has(account)) customers.set(account, { account, asset, unitIds: [] });
  }
  return [...customers.values()].sort((a, b) => (a.account < b.account ? -1 : 1));
}

/** The invoices after the ledger: what was invoiced while the ledger was being read is not taken for missing. */
async function readBooks(
  deps: InvoiceSliceDeps,
  family: BilledFamily,
  month: Month,
): Promise<InvoiceBooks & { readonly isVoid: boolean; readonly checked: number }> {
  const { account, asset, units } = family;
  const ledger = await readLedgerLines(deps, family, month);
  const { documents, isVoid } = await readDocuments(deps.invoices, { month, account });
  const kept = units.filter(({ account: { figures } }) => figures !== undefined).length;
  const moving = ledger.faults.filter(({ kind }) => kind === 'moving').length;
  return { account, month, asset, ledger, documents, isVoid, checked: kept - moving };
}
