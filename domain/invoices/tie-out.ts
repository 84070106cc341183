import { type Asset, formatAmount } from '../money.ts';
import { diffLines, type InvoiceLine, isLedgerLine } from './lines.ts';

/**
 * The three-way tie-out: the lines of an invoice, the transfers of its period and the change of the balance must say the
 * same. An invoice with a fault is blocked; nobody can send it.
 */

/** One account of an invoice, in minor units: what its transfers left in it, and what the table keeps as its balance. */
export interface UnitFigures {
  readonly unit: string;
  readonly asset: Asset;
  /** The sum of its transfers before the period, and with those of the period. Credits count as gains. */
  readonly opening: bigint;
  readonly closing: bigint;
  /**
   * By how much the balance that the table keeps moved in the period: what it is now, less all that counts outside the
   * period. Left out where no balance is kept.
   */
  readonly kept?: bigint;
  /** It moved all the while that it was read. */
  readonly isMoving?: true;
}

export type TieFault =
  /** The invoice is in one asset and the unit in another: their amounts cannot be added. */
  | { readonly kind: 'asset'; readonly unit: string; readonly asset: Asset }
  /** The balance moved by another amount than its transfers come to. */
  | { readonly kind: 'balance'; readonly unit: string; readonly kept: string; readonly transfers: string }
  /** The balance never stood still to be compared. */
  | { readonly kind: 'moving'; readonly unit: string }
  /** A line says another amount, or another number of transfers, than there is. */
  | {
      readonly kind: 'line';
      readonly unit: string;
      readonly type: string;
      readonly description: string;
      readonly line: string;
      readonly transfers: string;
      /** The transfers of the line, the first of them. */
      readonly transferIds: readonly string[];
    }
  /** There are more lines than an invoice can have. */
  | { readonly kind: 'too-many-lines'; readonly lines: number };

/** Transfers that are named for a line that does not tie. */
export const NAMED_TRANSFERS_MAX = 20;
/** Faults that are kept of one invoice: what somebody reads before going to the cause. */
export const FAULTS_MAX = 20;

/** Where lines of the ledger differ from the sums of its transfers; the transfers are to be named by whoever reads them. */
export function lineFaults(lines: readonly InvoiceLine[], summed: readonly InvoiceLine[]): TieFault[] {
  return diffLines(lines.filter(isLedgerLine), summed.filter(isLedgerLine)).map(
    ({ unit, type, description, before, after }): TieFault => ({
      ...{ kind: 'line', unit, type, description },
      line: (before?.amount ?? 0n).toString(),
      transfers: (after?.amount ?? 0n).toString(),
      transferIds: [],
    }),
  );
}

/** Where balances differ from transfers, or cannot be compared with them. */
export function balanceFaults(asset: Asset, units: readonly UnitFigures[]): TieFault[] {
  return units.flatMap((figures): TieFault[] => {
    const { unit, opening, closing, kept } = figures;
    if (figures.asset !== asset) return [{ kind: 'asset', unit, asset: figures.asset }];
    if (figures.isMoving) return [{ kind: 'moving', unit }];
    const moved = closing - opening;
    if (kept === undefined || kept === moved) return [];
    return [{ kind: 'balance', unit, kept: kept.toString(), transfers: moved.toString() }];
  });
}

/** A fault as a sentence that says what to do. */
export function describeTieFault(fault: TieFault, asset: Asset): string {
  switch (fault.kind) {
    case 'asset':
      return `${fault.unit} is in ${fault.asset} and the invoice in ${asset}: bill it apart, under an account of its own.`;
    case 'balance': {
      const [kept, moved] = [fault.kept, fault.transfers].map((text) => formatAmount(BigInt(text), asset));
      return `The balance of ${fault.unit} moved by ${kept} and its transfers come to ${moved}: reconcile its balance and repair it.`;
    }
    case 'moving':
      return `The balance of ${fault.unit} moved all the while: regenerate at a quieter time.`;
    case 'line': {
      const [line, transfers] = [fault.line, fault.transfers].map((text) => formatAmount(BigInt(text), asset));
      const named = fault.transferIds.length === 0 ? 'no transfer' : fault.transferIds.join(', ');
      return `The line "${fault.description}" (${fault.type}) of ${fault.unit} says ${line} where its transfers come to ${transfers} (${named}): regenerate, or roll the import back.`;
    }
    case 'too-many-lines':
      return `There are ${fault.lines} lines, more than an invoice can have: give transfers fewer different descriptions.`;
  }
}
