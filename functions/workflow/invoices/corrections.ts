import { correctionKind, type Invoice } from '../../../domain/invoices/invoice.ts';
import { created, rebuilt, voided } from '../../../domain/invoices/life.ts';
import { inLineOrder, isForeignLine, subtractLines, sumLines, totalsOf } from '../../../domain/invoices/lines.ts';
import { policyLines } from '../../../domain/invoices/policy.ts';
import { correctionsOf, readLines, writeInvoice } from '../../../store/invoices.ts';
import { type BuildRow, rowOfInvoice } from './build-rows.ts';
import { changeInvoice } from './change-invoice.ts';
import { changeBy, digested, isDone } from './content.ts';
import type { BillingDeps, RunOf } from './job.ts';
import type { LedgerLines } from './ledger-lines.ts';

/**
 * What the ledger says of a month whose invoice is final, less what was billed of it, is a document of its own: a credit
 * note or a debit adjustment, line by line against the original's. While it is not final itself, it is rebuilt like any
 * draft; what comes after that goes into the next one.
 */
export async function correctFinal(
  deps: BillingDeps,
  run: RunOf<'generate' | 'regenerate'>,
  original: Invoice,
  ledger: LedgerLines,
): Promise<BuildRow[]> {
  const corrections = await correctionsOf(deps.invoices, original);
  const open = corrections.find(({ status }) => status !== 'final' && status !== 'void');
  if (open !== undefined && isDone(open, run)) return [await rowOfInvoice(deps.invoices, open)];
  const sent = [original, ...corrections.filter(({ status }) => status === 'final')];
  const billed = sumLines(await Promise.all(sent.map((invoice) => readLines(deps.invoices, invoice))));
  const own = [...ledger.lines, ...billed.filter(isForeignLine)];
  const wanted = [...own, ...policyLines(deps.policy, original.account, original.asset, own)];
  const lines = inLineOrder(
    subtractLines(wanted, billed).filter(({ amount, quantity }) => amount !== 0n || quantity !== 0n),
  );
  const unchanged: BuildRow = { counts: ['final-unchanged'], invoice: original.id };
  if (lines.length === 0) {
    if (open === undefined) return [unchanged];
    const { invoice } = await changeInvoice(deps.invoices, open, (current) => voided(current, changeBy(run)));
    return [{ counts: ['withdrawn'], invoice: invoice.id }];
  }
  const moved = sent.reduce((sum, { opening, closing }) => sum + closing - opening, 0n);
  const built = digested(
    {
      account: original.account,
      month: original.month,
      kind: correctionKind(totalsOf(lines).due),
      original: original.id,
      asset: original.asset,
      // What it moves is what the month moved and was not billed yet.
      opening: ledger.opening + moved,
      closing: ledger.closing,
      lines,
    },
    ledger.faults,
  );
  const again = () => correctFinal(deps, run, original, ledger);
  if (open === undefined) {
    const name = { month: original.month, account: original.account, sequence: corrections.length + 1 };
    const invoice = created(name, built, changeBy(run));
    const result = await writeInvoice(deps.invoices, undefined, invoice, { lines });
    return result === 'written' ? [await rowOfInvoice(deps.invoices, invoice)] : again();
  }
  const next = rebuilt(open, built, changeBy(run));
  if (next.kind === 'refused') return again();
  const result = await writeInvoice(deps.invoices, open, next.invoice, { lines });
  return result === 'written' ? [await rowOfInvoice(deps.invoices, next.invoice)] : again();
}
