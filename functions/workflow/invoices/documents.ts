import type { Invoice, InvoiceName } from '../../../domain/invoices/invoice.ts';
import type { InvoiceLine } from '../../../domain/invoices/lines.ts';
import { correctionsOf, getInvoice, type InvoicesStore, readLines } from '../../../store/invoices.ts';

/** A customer's invoice of a month and what corrects it, each with its lines; void ones are left out. */
export async function readDocuments(
  store: InvoicesStore,
  { month, account }: Pick<InvoiceName, 'month' | 'account'>,
): Promise<{
  readonly isVoid: boolean;
  readonly documents: readonly { readonly invoice: Invoice; readonly lines: readonly InvoiceLine[] }[];
}> {
  const [invoice, corrections] = await Promise.all([
    getInvoice(store, { month, account, sequence: 0 }),
    correctionsOf(store, { month, account }),
  ]);
  const standing = [...(invoice === undefined ? [] : [invoice]), ...corrections].filter(
    ({ status }) => status !== 'void',
  );
  const documents = standing.map(async (each) => ({ invoice: each, lines: await readLines(store, each) }));
  return { isVoid: invoice?.status === 'void', documents: await Promise.all(documents) };
}
