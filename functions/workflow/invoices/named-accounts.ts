import { inOrder } from '../../../domain/reconciliation/in-order.ts';
import { type Month, periodOfMonth } from '../../../domain/time.ts';
import { getInvoice } from '../../../store/invoices.ts';
import { readStatement } from '../../../store/statements.ts';
import { bucketOf } from '../../../store/tables.ts';
import { familiesOfBucket, withUnits } from './families.ts';
import type { BillingDeps } from './job.ts';
import { daysToInvoice, entryOf } from './ledger-lines.ts';

/** A run names accounts that have nothing to invoice: most likely they are written wrongly, or another month is meant. */
export class NothingToInvoiceError extends Error {
  override name = 'NothingToInvoiceError';
}

/** Accounts looked at side by side; each reads many days at once. */
const ACCOUNTS_AT_ONCE = 4;

/** Checks that each account has transfers in the month, or an invoice. @throws NothingToInvoiceError naming all that have neither. */
export async function assertInvoiceable(deps: BillingDeps, month: Month, accounts: readonly string[]): Promise<void> {
  const empty: string[] = [];
  const looked = inOrder(accounts, ACCOUNTS_AT_ONCE, async (account) => ({
    account,
    isEmpty: !(await hasInvoice(deps, month, account)) && !(await hasTransfers(deps, month, account)),
  }));
  for await (const { account, isEmpty } of looked) if (isEmpty) empty.push(account);
  if (empty.length === 0) return;
  const have = empty.length === 1 ? 'has' : 'have';
  throw new NothingToInvoiceError(
    `${empty.join(', ')} ${have} no transfers in ${month} and no invoice, so nothing was done: check how accounts and month are written, or leave them out.`,
  );
}

async function hasInvoice({ invoices }: BillingDeps, month: Month, account: string): Promise<boolean> {
  return (await getInvoice(invoices, { month, account, sequence: 0 })) !== undefined;
}

/** Whether one transfer at least counts in the month, for the account or one below it. */
async function hasTransfers(deps: BillingDeps, month: Month, account: string): Promise<boolean> {
  const families = await familiesOfBucket(deps, bucketOf(account), (billed) => billed === account);
  for (const family of families) {
    const { units } = await withUnits(deps.ledger, family);
    for (const history of units) {
      const { id } = history.account;
      const listed = { account: id, entry: entryOf(deps.chart, id) };
      const days = daysToInvoice(history, periodOfMonth(month));
      const { lines } = await readStatement(deps.ledger, listed, { days, order: 'asc', limit: 1 });
      if (lines.length > 0) return true;
    }
  }
  return false;
}
