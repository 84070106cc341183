import { type Invoice, type InvoiceContent, invoiceContent } from '../../../domain/invoices/invoice.ts';
import type { Built, Change } from '../../../domain/invoices/life.ts';
import { type InvoiceLine, inLineOrder } from '../../../domain/invoices/lines.ts';
import { policyLines } from '../../../domain/invoices/policy.ts';
import type { TieFault } from '../../../domain/invoices/tie-out.ts';
import { sha256 } from '../../../store/audit.ts';
import type { BillingKind } from '../../../store/billing-runs.ts';
import type { BillingDeps, RunOf } from './job.ts';
import type { LedgerLines } from './ledger-lines.ts';

/** Whether this run has built it already. */
export function isDone({ lastRun, lastOutcome }: Invoice, { id }: { readonly id: string }): boolean {
  return lastRun === id && lastOutcome !== 'marked';
}

export function changeBy({ id, startedAt }: Pick<RunOf<BillingKind>, 'id' | 'startedAt'>): Change {
  return { run: id, at: startedAt };
}

/** An invoice's content from what the ledger says, what was imported, and what configuration adds. */
export function builtOf(
  { policy }: Pick<BillingDeps, 'policy'>,
  of: Pick<InvoiceContent, 'account' | 'month' | 'asset'>,
  { lines, opening, closing, faults }: Pick<LedgerLines, 'lines' | 'opening' | 'closing' | 'faults'>,
  foreign: readonly InvoiceLine[],
): Built {
  const own = [...lines, ...foreign];
  const all = inLineOrder([...own, ...policyLines(policy, of.account, of.asset, own)]);
  return digested({ ...of, kind: 'invoice', opening, closing, lines: all }, faults);
}

/** Content with its digest. */
export function digested(content: InvoiceContent, faults: readonly TieFault[]): Built {
  return { content, digest: sha256(invoiceContent(content)), faults };
}
