import {
  billedAccountOf,
  type Invoice,
  type InvoiceContent,
  parseInvoiceId,
} from '../../../domain/invoices/invoice.ts';
import type { InvoiceLine } from '../../../domain/invoices/lines.ts';
import { FAULTS_MAX, lineFaults, type TieFault } from '../../../domain/invoices/tie-out.ts';
import type { Month } from '../../../domain/time.ts';
import type { NotedVersion } from '../../../store/line-imports.ts';
import { bucketOf } from '../../../store/tables.ts';
import { familiesOfBucket, withUnits } from './families.ts';
import type { BillingDeps } from './job.ts';
import { type BilledFamily, type LedgerLines, nameTransfers, readLedgerLines } from './ledger-lines.ts';

/** What an import of lines and its rollback share: the ledger beside an invoice, and whether lines tie with it. */

/** Says what the ledger has of an invoice's customer. */
export type ReadLedger = (invoice: Invoice) => Promise<{ readonly family: BilledFamily; readonly ledger: LedgerLines }>;

/** A reader of the ledger for the customers of these invoices: the accounts of each bucket are listed once. */
export function ledgerReader(deps: BillingDeps, invoiceIds: readonly string[]): ReadLedger {
  const wanted = new Set(invoiceIds.map((id) => parseInvoiceId(id)?.account ?? ''));
  const buckets = new Map<string, ReturnType<typeof familiesOfBucket>>();
  const familiesOf = (bucket: string) => {
    const known = buckets.get(bucket) ?? familiesOfBucket(deps, bucket, (account) => wanted.has(account));
    buckets.set(bucket, known);
    return known;
  };
  return async ({ account, asset, month }) => {
    const found = (await familiesOf(bucketOf(billedAccountOf(account)))).find((family) => family.account === account);
    const family = await withUnits(deps.ledger, found ?? { account, asset, unitIds: [] });
    return { family, ledger: await readLedgerLines(deps, family, month) };
  };
}

/** Where lines do not tie with the ledger, or the ledger not with its balances; transfers are named. */
export async function faultsOf(
  deps: BillingDeps,
  { family, ledger }: Awaited<ReturnType<ReadLedger>>,
  month: Month,
  lines: readonly InvoiceLine[],
): Promise<TieFault[]> {
  const faults = [...ledger.faults, ...lineFaults(lines, ledger.lines)].slice(0, FAULTS_MAX);
  return faults.some(({ kind }) => kind === 'line') ? nameTransfers(deps, family, month, faults) : faults;
}

export function notedVersion({ version, digest, opening, closing, due }: Invoice): NotedVersion {
  return { version, digest, opening, closing, due };
}

/** What an invoice says, with these lines and balances. */
export function contentOf(
  { account, month, kind, original, asset }: Invoice,
  { opening, closing }: Pick<InvoiceContent, 'opening' | 'closing'>,
  lines: readonly InvoiceLine[],
): InvoiceContent {
  return { account, month, kind, ...(original !== undefined && { original }), asset, opening, closing, lines };
}
