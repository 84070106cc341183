import type { Invoice } from '../../../domain/invoices/invoice.ts';
import { parseInvoiceId } from '../../../domain/invoices/invoice.ts';
import type { LifeRefusal, Moved } from '../../../domain/invoices/life.ts';
import { getInvoice, type InvoicesStore, writeInvoice } from '../../../store/invoices.ts';

/** Attempts at a change that others come between: each of those that come between got one through. */
export const ATTEMPTS_MAX = 10;

/** Somebody changes an invoice all the time. */
export class InvoiceContendedError extends Error {
  override name = 'InvoiceContendedError';
}

/**
 * Brings an invoice from one state to the next, whoever changes it meanwhile.
 * @param move what is made of it as it stands; the invoice itself where nothing is to be written.
 * @returns the invoice as it stands in the end, and why it was not moved where it was not.
 */
export async function changeInvoice(
  store: InvoicesStore,
  invoice: Invoice,
  move: (current: Invoice) => Moved,
): Promise<{ readonly invoice: Invoice; readonly refused?: LifeRefusal }> {
  let current = invoice;
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const moved = move(current);
    if (moved.kind === 'refused') return { invoice: current, refused: moved.reason };
    if (moved.invoice === current) return { invoice: current };
    if ((await writeInvoice(store, current, moved.invoice)) === 'written') return { invoice: moved.invoice };
    const name = parseInvoiceId(invoice.id);
    current = (name && (await getInvoice(store, name))) ?? current;
  }
  throw new InvoiceContendedError(`${invoice.id} was changed by others ${ATTEMPTS_MAX} times; run it again.`);
}
