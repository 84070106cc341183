import type { BalanceFigures } from '../accounts.ts';
import { canonicalJson } from '../canonical-json.ts';
import { type Quantities, quantityEntries } from '../evidence.ts';
import { REPAIR_PREFIX } from '../ids.ts';
import type { Asset } from '../money.ts';
import type { Ruling } from '../reconciliation/rulings.ts';
import type { Instant } from '../time.ts';
import type { Transfer, TransferClaims } from '../transfers.ts';

/** SHA-256 of a text, in lower-case hex. */
export type Digest = (text: string) => string;

/**
 * One thing that a repair does. Steps of one request are applied in their order; when one is not posted, those after it
 * are not tried. A step's id is the same in every plan that would do it from the same state of the books, so no two plans
 * and no second attempt post it twice.
 */
export type Step = TransferStep | RulingStep | RebalanceStep;

interface StepOfFinding {
  readonly id: string;
  readonly account: string;
  readonly asset: Asset;
  /** The finding that it answers; of several, the first. */
  readonly findingId: string;
  /** One sentence for people. */
  readonly detail: string;
}

/** What a transfer will be; when it is recorded and what it moves of grants is known when it is posted. */
export type PlannedTransfer = Pick<Transfer, 'id' | 'kind' | 'debit' | 'credit' | 'asset' | 'amount' | 'effectiveAt'> &
  Pick<Transfer, 'requestId' | 'operation' | 'quantities' | 'rateCard' | 'description' | 'corrects' | 'key'>;

/**
 * Posts a transfer. A `reversal` also lowers what remains to be reversed of the transfer that it corrects; a `transfer`
 * corrects a charge where no reversal can: it charges more, or gives back what was charged by a correction.
 */
export interface TransferStep extends StepOfFinding {
  readonly kind: 'charge' | 'reversal' | 'transfer';
  readonly requestId: string;
  readonly transfer: PlannedTransfer;
  /** Steps of one name are posted all or none, LINKED_STEPS_MAX of them at most. */
  readonly linked?: string;
  readonly basis: Basis;
}

/** Keeps a person's ruling beside the evidence. */
export interface RulingStep extends StepOfFinding {
  readonly kind: 'ruling';
  readonly requestId: string;
  /** When the evidence happened. */
  readonly at: Instant;
  readonly ruling: Ruling;
  readonly basis: Basis;
}

/** Sets the figures of a strict balance, if they are all still `from`. It moves nothing: they are derived from transfers. */
export interface RebalanceStep extends StepOfFinding {
  readonly kind: 'rebalance';
  readonly from: BalanceFigures;
  readonly to: Figures;
}

export type Figures = Pick<BalanceFigures, 'credits' | 'debits' | 'held' | 'available'>;

/** What the books said of the request when its steps were planned; a step is stale when they say something else. */
export interface Basis {
  /** Where to read it again: all transfers and times that were looked at. */
  readonly transferIds: readonly string[];
  readonly moments: readonly Instant[];
  /** Digests of what was read. */
  readonly ledger: string;
  readonly evidence: string;
}

/** Each may write a record, a remainder and two accounts, and all must fit one transaction of 100 (AWS limit). */
export const LINKED_STEPS_MAX = 25;

/**
 * The id of the n-th transfer that repairs post for a request, from 0. Ids are taken in order and each once, so whoever
 * gets them until one is free knows how many there are; and of two plans made from the same state, whatever they mean to
 * do, one finds the id taken.
 */
export function repairId(digest: Digest, account: string, requestId: string, slot: number): string {
  return `${REPAIR_PREFIX}${digest(JSON.stringify([account, requestId, slot])).slice(0, ID_DIGITS)}`;
}

/** 128 bits of a digest. */
export const ID_DIGITS = 32;

export function isRepairId(id: string): boolean {
  return id.startsWith(REPAIR_PREFIX);
}

/**
 * What a step says of its transfer. Two are the same when these are: a late original that says the same as a backfill
 * under its id is that backfill.
 */
export function claimsOf({ transfer }: TransferStep): TransferClaims {
  const { id: _id, rateCard: _rateCard, key: _key, ...claims } = transfer;
  return claims;
}

/** The wire form of a step: amounts and quantities are decimal strings. */
export type StepLine = Line<Step>;

type Line<T> = T extends bigint
  ? string
  : T extends readonly (infer E)[]
    ? readonly Line<E>[]
    : T extends object
      ? { readonly [K in keyof T]: Line<T[K]> }
      : T;

export function stepLine(step: Step): StepLine {
  if (step.kind === 'ruling') return step;
  if (step.kind === 'rebalance') return { ...step, from: texts(step.from), to: texts(step.to) };
  const { amount, quantities, ...transfer } = step.transfer;
  return {
    ...step,
    transfer: {
      ...transfer,
      amount: amount.toString(),
      ...(quantities !== undefined && { quantities: Object.fromEntries(quantityEntries(quantities)) }),
    },
  };
}

/** Reads what stepLine wrote. */
export function stepOf(line: StepLine): Step {
  if (line.kind === 'ruling') return line;
  if (line.kind === 'rebalance') {
    const { holdChanges } = line.from;
    const from = { ...figuresOf(line.from), ...(holdChanges !== undefined && { holdChanges: BigInt(holdChanges) }) };
    return { ...line, from, to: figuresOf(line.to) };
  }
  const { amount, quantities, ...transfer } = line.transfer;
  return {
    ...line,
    transfer: {
      ...transfer,
      amount: BigInt(amount),
      ...(quantities !== undefined && { quantities: quantitiesOf(quantities) }),
    },
  };
}

/** What an approval is bound to: the digest of all steps in their order, whatever order their fields are in. */
export function planHash(steps: readonly Step[], digest: Digest): string {
  return digest(steps.map((step) => `${canonicalJson(stepLine(step))}\n`).join(''));
}

function texts<T extends Figures>(figures: T): Line<T> {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, String(value)])) as Line<T>;
}

function figuresOf({ credits, debits, held, available }: Line<Figures>): Figures {
  return { credits: BigInt(credits), debits: BigInt(debits), held: BigInt(held), available: BigInt(available) };
}

function quantitiesOf(line: Line<Quantities>): Quantities {
  return Object.fromEntries(Object.entries(line).map(([name, quantity]) => [name, BigInt(quantity)]));
}
