import { type RateCard, rateByVersion } from '../rating.ts';
import type { Side } from '../statements.ts';
import { contains, dayOf, type Period } from '../time.ts';
import type { Transfer } from '../transfers.ts';
import { createLineSums, type InvoiceLine, lineKeyText, lineOf } from './lines.ts';

/** Charges of one line that another version does not price, and why. They stand on both sides as they were billed. */
export interface UnpricedCharges {
  readonly unit: string;
  readonly operation: string;
  readonly rule: string;
  readonly charges: number;
  /** The first of them by their ids. */
  readonly transferIds: readonly string[];
}

/** What a month was billed as, and what it would have been by another version of its rate card. */
export interface Repriced {
  /** Both in the order of their keys. */
  readonly billed: readonly InvoiceLine[];
  readonly other: readonly InvoiceLine[];
  readonly unpriced: readonly UnpricedCharges[];
}

/** Prices the charges of a month by another version, transfer by transfer and in any order. */
export interface Repricing {
  add(transfer: Transfer, side: Side, unit: string, isOfCard: boolean): void;
  /** Ids of transfers that others of the month take back: what these are is to be told by `correct`. */
  corrected(): string[];
  correct(original: Transfer): void;
  result(): Repriced;
}

/** Charges that are named of one line and reason: enough to look at. */
const NAMED_MAX = 20;

/**
 * Memory is that of lines and of corrections, however many charges there are. A charge that was wholly taken back within
 * the month costs nothing by the other version either; what was corrected in part stays corrected by as much.
 */
export function createRepricing(card: RateCard, period: Period): Repricing {
  const [billed, other] = [createLineSums(), createLineSums()];
  const unpriced = new Map<string, Omit<UnpricedCharges, 'transferIds'> & { transferIds: string[] }>();
  const corrections = new Map<string, InvoiceLine>();

  const note = ({ id, operation = '' }: Transfer, unit: string, rule: string) => {
    const key = lineKeyText({ unit, type: operation, description: rule });
    const before = unpriced.get(key);
    const ids = [...(before?.transferIds ?? []), id].sort().slice(0, NAMED_MAX);
    unpriced.set(key, { unit, operation, rule, charges: (before?.charges ?? 0) + 1, transferIds: ids });
  };

  return {
    add(transfer, side, unit, isOfCard) {
      const line = lineOf(transfer, side, unit);
      billed.add(line);
      const { kind, corrects } = transfer;
      if (kind === 'charge' && side === 'debit' && isOfCard) {
        const price = priceOf(card, transfer);
        if (typeof price === 'string') note(transfer, unit, price);
        other.add(typeof price === 'string' ? line : { ...line, amount: price });
        return;
      }
      other.add(line);
      if (corrects === undefined || side === 'debit' || !isOfCard) return;
      const so = corrections.get(corrects);
      corrections.set(corrects, { ...line, amount: line.amount + (so?.amount ?? 0n) });
    },
    corrected: () => [...corrections.keys()],
    correct(original) {
      const correction = corrections.get(original.id);
      const isOfMonth = original.kind === 'charge' && contains(period, dayOf(original.effectiveAt));
      if (correction === undefined || !isOfMonth || correction.amount !== -original.amount) return;
      const price = priceOf(card, original);
      if (typeof price === 'string') return;
      other.add({ ...correction, quantity: 0n, amount: original.amount - price });
    },
    result: () => ({
      billed: billed.lines(),
      other: other.lines(),
      unpriced: [...unpriced].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, charges]) => charges),
    }),
  };
}

/** What a charge costs by the version; the rule that speaks against pricing it. */
function priceOf(card: RateCard, { asset, debit, operation, quantities }: Transfer): bigint | string {
  if (asset !== card.asset) return `rate card "${card.name}" is in ${card.asset} and the charge in ${asset}`;
  if (operation === undefined || quantities === undefined) return 'the charge does not say of what it is';
  const rating = rateByVersion(card, { account: debit, operation, quantities });
  return rating.kind === 'priced' ? rating.amount : rating.rule;
}
