import { type InvoiceLine, inLineOrder, isForeignLine, isLedgerLine, lineKeyText } from './lines.ts';
import { type BillingPolicy, policyLines } from './policy.ts';

/** Lines that a file puts onto invoices: which of them are one, how they are parted, and what they make of an invoice. */

/** A row of a file: a line of an invoice. The amount is in minor units of the invoice's asset. */
export interface ImportedLine extends InvoiceLine {
  readonly invoice: string;
  /** Of the file; 1 is its first. */
  readonly row: number;
}

/** What became of the rows of an invoice: lines that it did not have, that said something else, and that said the same. */
export interface MergeCounts {
  readonly inserted: number;
  readonly updated: number;
  readonly unchanged: number;
}

/** Puts lines over those with the same keys, or beside them. */
export function mergeLines(
  current: readonly InvoiceLine[],
  imported: readonly InvoiceLine[],
): MergeCounts & { readonly lines: readonly InvoiceLine[] } {
  const lines = new Map(current.map((line) => [lineKeyText(line), line]));
  const counts = { inserted: 0, updated: 0, unchanged: 0 };
  for (const { unit, type, description, quantity, amount } of imported) {
    const key = lineKeyText({ unit, type, description });
    const before = lines.get(key);
    if (before === undefined) counts.inserted += 1;
    else if (before.quantity === quantity && before.amount === amount) counts.unchanged += 1;
    else counts.updated += 1;
    lines.set(key, { unit, type, description, quantity, amount });
  }
  return { ...counts, lines: inLineOrder(lines.values()) };
}

/** The lines of an invoice with those of a file. What configuration adds is told anew: a tax is on all that is there. */
export function importedLines(
  policy: Pick<BillingPolicy, 'fees' | 'taxes'>,
  { account, asset }: { readonly account: string; readonly asset: string },
  current: readonly InvoiceLine[],
  imported: readonly InvoiceLine[],
): ReturnType<typeof mergeLines> {
  const merged = mergeLines(current, imported);
  const own = merged.lines.filter((line) => isLedgerLine(line) || isForeignLine(line));
  return { ...merged, lines: inLineOrder([...own, ...policyLines(policy, account, asset, own)]) };
}

/** Rows that come to one line of one invoice, in the order of the file; whoever wrote it must say which of them holds. */
export function repeatedRows<Row extends Omit<ImportedLine, 'amount' | 'quantity'>>(rows: readonly Row[]): Row[][] {
  const groups = Map.groupBy(rows, (row) => `${row.invoice}\n${lineKeyText(row)}`);
  return [...groups.values()].filter((same) => same.length > 1);
}

/**
 * Parts things that have some rows each into parts of at most so many rows, in their order. None is split: one that has
 * more alone is a part alone.
 */
export function partsOfRows<Thing extends { readonly rows: readonly unknown[] }>(
  things: readonly Thing[],
  rowsMax: number,
): Thing[][] {
  const parts: Thing[][] = [];
  let room = 0;
  for (const thing of things) {
    const last = parts.at(-1);
    if (last === undefined || thing.rows.length > room) {
      parts.push([thing]);
      room = rowsMax - thing.rows.length;
    } else {
      last.push(thing);
      room -= thing.rows.length;
    }
  }
  return parts;
}
