import { BREAKAGE_PREFIX } from '../ids.ts';
import { type Side, usageOf } from '../statements.ts';
import type { Transfer } from '../transfers.ts';

/**
 * A line of an invoice: what a unit was charged or credited, by type and description. Amounts are minor units and
 * positive where they are charged to the customer, negative where they are given.
 */
export interface InvoiceLine extends LineKey {
  /** How many transfers it is the sum of; of lines from elsewhere, what they say. */
  readonly quantity: bigint;
  readonly amount: bigint;
}

/** What makes a line the same line: there is one of each on an invoice. */
export interface LineKey {
  /** The account whose transfers it sums: the invoiced account or one below it. */
  readonly unit: string;
  readonly type: string;
  /** Normalized. */
  readonly description: string;
}

/**
 * Types of lines that are sums of ledger transfers. `usage`: charges; `correction`: what corrects charges; `grant`,
 * `credit`: what else came into the account; `expiry`, `debit`: what else went out of it.
 */
export const LEDGER_LINE_TYPES = ['usage', 'correction', 'grant', 'credit', 'expiry', 'debit'] as const;
export type LedgerLineType = (typeof LEDGER_LINE_TYPES)[number];

/** Types of lines that configuration adds: see policy.ts. */
export const POLICY_LINE_TYPES = ['fee', 'tax'] as const;

/** Types that move the balance without being owed: a payment is shown on an invoice and not asked for again. */
const NOT_DUE: ReadonlySet<string> = new Set<LedgerLineType>(['grant', 'credit', 'expiry', 'debit']);

const LEDGER_TYPES: ReadonlySet<string> = new Set(LEDGER_LINE_TYPES);
const POLICY_TYPES: ReadonlySet<string> = new Set(POLICY_LINE_TYPES);

/** Whether a line is a sum of transfers, so that it must tie with them. */
export function isLedgerLine({ type }: Pick<LineKey, 'type'>): boolean {
  return LEDGER_TYPES.has(type);
}

/** Whether a line comes from neither ledger nor configuration: it was imported, and stays when the others are rebuilt. */
export function isForeignLine({ type }: Pick<LineKey, 'type'>): boolean {
  return !LEDGER_TYPES.has(type) && !POLICY_TYPES.has(type);
}

/** Whether the customer is asked to pay it. */
export function isDue({ type }: Pick<LineKey, 'type'>): boolean {
  return !NOT_DUE.has(type);
}

/** A name of a line's type: letters of lower case, digits and hyphens. It has no `#`, which separates it in keys. */
export const LINE_TYPE_PATTERN = /^[a-z][a-z0-9-]{0,31}$/;

/** Trimmed, lower case, single spaces (the second seed, "Duplicate Precheck"). */
export function normalizeDescription(text: string): string {
  return text.trim().toLowerCase().replace(/\s+/g, ' ');
}

/** The key of a line as text: in the table's sort key, the order of lines, and whatever compares them. */
export function lineKeyText({ unit, type, description }: LineKey): string {
  return `${unit}#${type}#${description}`;
}

/** In the order of their keys by code points: that of UTF-8, by which the table sorts. */
export function inLineOrder<Line extends LineKey>(lines: Iterable<Line>): Line[] {
  const keyed = [...lines].map((line) => ({ line, key: lineKeyText(line) }));
  return keyed.sort((a, b) => compareCodePoints(a.key, b.key)).map(({ line }) => line);
}

function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const [x, y] = [a.charCodeAt(index), b.charCodeAt(index)];
    if (x !== y) return codePointRank(x) - codePointRank(y);
  }
  return a.length - b.length;
}

/** Halves of pairs stand for code points above all that one unit of UTF-16 holds, though their own numbers are lower. */
function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** What stands for an operation or a description that nobody gave. */
const UNNAMED = 'unspecified';

/** The line that a transfer belongs to, as one of its two accounts sees it, and what it adds to it. */
export function lineOf(transfer: Transfer, side: Side, unit: string): InvoiceLine {
  const amount = side === 'debit' ? transfer.amount : -transfer.amount;
  return { ...keyOf(transfer, side, unit), quantity: 1n, amount };
}

function keyOf(transfer: Transfer, side: Side, unit: string): LineKey {
  if (usageOf(transfer, side) !== undefined) {
    const type: LedgerLineType = transfer.kind === 'charge' ? 'usage' : 'correction';
    return { unit, type, description: normalizeDescription(transfer.operation ?? UNNAMED) || UNNAMED };
  }
  const counterparty = side === 'debit' ? transfer.credit : transfer.debit;
  const description = normalizeDescription(transfer.description ?? '') || counterparty.toLowerCase();
  return { unit, type: movementType(transfer, side), description };
}

function movementType(transfer: Transfer, side: Side): LedgerLineType {
  if (side === 'debit') return transfer.id.startsWith(BREAKAGE_PREFIX) ? 'expiry' : 'debit';
  return transfer.grant === undefined ? 'credit' : 'grant';
}

/** Adds up lines by their keys. Memory is that of the sums, however many transfers they are of. */
export interface LineSums {
  add(line: InvoiceLine): void;
  count(): number;
  /** In the order of their keys. */
  lines(): InvoiceLine[];
}

export function createLineSums(): LineSums {
  const sums = new Map<string, InvoiceLine>();
  return {
    add(line) {
      const key = lineKeyText(line);
      const before = sums.get(key);
      const [quantity, amount] = [line.quantity + (before?.quantity ?? 0n), line.amount + (before?.amount ?? 0n)];
      sums.set(key, before === undefined ? line : { ...before, quantity, amount });
    },
    count: () => sums.size,
    lines: () => inLineOrder(sums.values()),
  };
}

/** One line of a comparison of two sets of lines; a side that does not have it is left out. */
export interface LineChange extends LineKey {
  readonly before?: Pick<InvoiceLine, 'quantity' | 'amount'>;
  readonly after?: Pick<InvoiceLine, 'quantity' | 'amount'>;
}

/** Sums of lines of several sets, in the order of their keys. */
export function sumLines(sets: Iterable<readonly InvoiceLine[]>): InvoiceLine[] {
  const sums = createLineSums();
  for (const lines of sets) for (const line of lines) sums.add(line);
  return sums.lines();
}

/** Lines of two sets side by side in one pass, each set in the order of its keys and with one line of each key. */
export function* pairLines(before: readonly InvoiceLine[], after: readonly InvoiceLine[]): Generator<LineChange> {
  for (let i = 0, j = 0; ; ) {
    const [was, is] = [before[i], after[j]];
    const line = was ?? is;
    if (line === undefined) return;
    const order = was === undefined ? 1 : is === undefined ? -1 : compareCodePoints(lineKeyText(was), lineKeyText(is));
    const { unit, type, description } = order > 0 && is !== undefined ? is : line;
    yield {
      ...{ unit, type, description },
      ...(order <= 0 && was !== undefined && { before: { quantity: was.quantity, amount: was.amount } }),
      ...(order >= 0 && is !== undefined && { after: { quantity: is.quantity, amount: is.amount } }),
    };
    if (order <= 0) i += 1;
    if (order >= 0) j += 1;
  }
}

/** Whether both sides of a line say the same. */
export function isSameLine({ before, after }: LineChange): boolean {
  return before?.amount === after?.amount && before?.quantity === after?.quantity;
}

/** What it takes to get from one set of lines to another, line by line, in the order of their keys. */
export function diffLines(before: readonly InvoiceLine[], after: readonly InvoiceLine[]): LineChange[] {
  return [...pairLines(inLineOrder(before), inLineOrder(after))].filter((change) => !isSameLine(change));
}

/** A line that changed, as it is written: figures are decimal strings, those of a side without it 0. */
export interface ChangeLine {
  readonly unit: string;
  readonly type: string;
  readonly description: string;
  readonly quantityBefore: string;
  readonly quantityAfter: string;
  readonly amountBefore: string;
  readonly amountAfter: string;
}

export function changeLine({ unit, type, description, before, after }: LineChange): ChangeLine {
  const text = (value: bigint | undefined) => (value ?? 0n).toString();
  return {
    ...{ unit, type, description },
    quantityBefore: text(before?.quantity),
    quantityAfter: text(after?.quantity),
    amountBefore: text(before?.amount),
    amountAfter: text(after?.amount),
  };
}

/** What a change adds to its line, with its sign. */
export function differenceOf({ before, after }: LineChange): Pick<InvoiceLine, 'quantity' | 'amount'> {
  return {
    quantity: (after?.quantity ?? 0n) - (before?.quantity ?? 0n),
    amount: (after?.amount ?? 0n) - (before?.amount ?? 0n),
  };
}

/** Lines of which those from one set are taken off the other: what is left to be billed. Lines that come to nothing go. */
export function subtractLines(from: readonly InvoiceLine[], billed: readonly InvoiceLine[]): InvoiceLine[] {
  return diffLines(billed, from).map((change) => {
    const { unit, type, description } = change;
    return { unit, type, description, ...differenceOf(change) };
  });
}

/** What lines come to: all that the customer is asked to pay, and what their transfers took from the balance. */
export interface LineTotals {
  readonly due: bigint;
  readonly ledger: bigint;
}

export function totalsOf(lines: readonly InvoiceLine[]): LineTotals {
  let [due, ledger] = [0n, 0n];
  for (const line of lines) {
    if (isDue(line)) due += line.amount;
    if (isLedgerLine(line)) ledger += line.amount;
  }
  return { due, ledger };
}
