import { type InvoiceName, invoiceId } from '../../../domain/invoices/invoice.ts';
import { type ChangeLine, changeLine, diffLines, type InvoiceLine, totalsOf } from '../../../domain/invoices/lines.ts';
import type { UnpricedCharges } from '../../../domain/invoices/parity.ts';
import type { Asset } from '../../../domain/money.ts';
import type { Row } from './job.ts';

/** How a customer's month compares. Amounts are decimal strings of minor units; "before" is what was billed. */
export interface ParityRow extends Row {
  readonly account: string;
  readonly invoice: string;
  readonly asset: string;
  /** What the customer is asked to pay, and would be by the other version. */
  readonly billed: string;
  readonly other: string;
  readonly changes: readonly ChangeLine[];
  readonly unpriced: readonly UnpricedCharges[];
}

/** Two sets of lines of a customer's month side by side. */
export function parityRow(
  name: InvoiceName,
  asset: Asset,
  billed: readonly InvoiceLine[],
  other: readonly InvoiceLine[],
  unpriced: readonly UnpricedCharges[] = [],
): ParityRow {
  const changes = diffLines(billed, other).map(changeLine);
  return {
    counts: [changes.length === 0 ? 'same' : 'differs'],
    ...{ account: name.account, invoice: invoiceId(name), asset },
    billed: totalsOf(billed).due.toString(),
    other: totalsOf(other).due.toString(),
    ...{ changes, unpriced },
  };
}
