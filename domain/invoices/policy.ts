import { type Asset, absolute, divideRounded, type Rounding } from '../money.ts';
import { type InvoiceLine, inLineOrder, normalizeDescription } from './lines.ts';

/** What an owner sets about invoices. */
export interface BillingPolicy {
  /** Who bills: the head of every page. */
  readonly seller: { readonly name: string; readonly address: readonly string[]; readonly contact: string };
  /** Fixed fees of a month, for every invoice in their asset. */
  readonly fees: readonly { readonly description: string; readonly asset: Asset; readonly amount: bigint }[];
  /** Taxes on what is due of the types of lines named, rounded once for each tax and invoice. */
  readonly taxes: readonly {
    readonly description: string;
    readonly asset: Asset;
    /** 19 of 100. */
    readonly rate: { readonly of: bigint; readonly per: bigint };
    readonly on: readonly string[];
    readonly rounding: Rounding;
  }[];
  /** What the numbers of documents begin with, each a series without gaps. */
  readonly series: { readonly invoice: string; readonly creditNote: string; readonly debitAdjustment: string };
  /** Percent of what was charged too little that the house bears itself when it is told to a customer, 0 to 100. */
  readonly goodwillPercent: bigint;
}

/** The lines that configuration adds to those of an invoice. Taxes come last: they may be on fees. */
export function policyLines(
  { fees, taxes }: Pick<BillingPolicy, 'fees' | 'taxes'>,
  account: string,
  asset: Asset,
  lines: readonly InvoiceLine[],
): InvoiceLine[] {
  const line = (type: string, description: string, amount: bigint): InvoiceLine => ({
    ...{ unit: account, type, description: normalizeDescription(description) },
    ...{ quantity: 1n, amount },
  });
  const feeLines = fees
    .filter((fee) => fee.asset === asset)
    .map(({ description, amount }) => line('fee', description, amount));
  const taxed = [...lines, ...feeLines];
  const taxLines = taxes
    .filter((tax) => tax.asset === asset)
    .map(({ description, rate, on, rounding }) => {
      const base = taxed.filter(({ type }) => on.includes(type)).reduce((sum, { amount }) => sum + amount, 0n);
      const size = divideRounded(absolute(base) * rate.of, rate.per, rounding);
      return line('tax', description, base < 0n ? -size : size);
    });
  return inLineOrder([...feeLines, ...taxLines]);
}
