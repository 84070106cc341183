import type { Quantities } from './evidence.ts';
import { quantityEntries } from './evidence.ts';
import type { GrantShare, GrantTerms } from './grants.ts';
import type { Asset } from './money.ts';
import type { Instant } from './time.ts';

/** An immutable movement of an amount from a debit account to a credit account; balanced by construction. */
export interface Transfer {
  /** Chosen by the caller; the idempotency key and the primary key, for ever. */
  readonly id: string;
  /** A charge is a transfer made from usage by the rate card. */
  readonly kind: 'transfer' | 'charge';
  readonly debit: string;
  readonly credit: string;
  readonly asset: Asset;
  /** Minor units, never negative. Zero is allowed: an operation may cost nothing and still leave a record. */
  readonly amount: bigint;
  /** When it counts. */
  readonly effectiveAt: Instant;
  /** When the ledger knew. */
  readonly recordedAt: Instant;
  /** The request that a charge is for; what evidence and ledger are compared by. */
  readonly requestId?: string;
  readonly operation?: string;
  readonly quantities?: Quantities;
  /** `name@effectiveFrom` of the rate card version that made the amount. */
  readonly rateCard?: string;
  readonly description?: string;
  /** The id of the transfer that this one corrects. */
  readonly corrects?: string;
  /** The id of the hold that this one captures. */
  readonly hold?: string;
  /** It is a grant to the credited account. */
  readonly grant?: GrantTerms;
  /** What of it came out of grants of the debited account, in the order of burning; the rest was paid money. Not a claim. */
  readonly burned?: readonly GrantShare[];
  /** What of it went back into grants of the credited account, which the corrected transfer had burned. Not a claim. */
  readonly restored?: readonly GrantShare[];
  /** The id of the API key that made a charge; what corrects the charge carries it too. Derived, and not a claim. */
  readonly key?: string;
  /** The id of the repair that posted it. Not a claim. */
  readonly repair?: string;
}

/**
 * What the caller of a write said in so many words. A replay is compared by these alone: what the ledger derived (a
 * price, a default time) may have other values today and is no conflict.
 */
export type TransferClaims = Partial<
  Omit<Transfer, 'id' | 'recordedAt' | 'grant' | 'burned' | 'restored' | 'repair'>
> & {
  /** Of a grant, what was said of its terms. */
  readonly grant?: Partial<GrantTerms>;
};

/** The order in which fields are compared, so that the same conflict always names the same field. */
const CLAIM_ORDER = [
  'hold',
  'kind',
  'debit',
  'credit',
  'asset',
  'amount',
  'effectiveAt',
  'requestId',
  'operation',
  'quantities',
  'description',
  'corrects',
] as const satisfies readonly (keyof TransferClaims & keyof Transfer)[];

/** The first field in which a repeated id differs from the transfer that has it; undefined when it is a true replay. */
export function firstDifference(posted: Transfer, claims: TransferClaims): string | undefined {
  const differing = CLAIM_ORDER.find((field) => {
    // Whoever says in full what is to move, and nothing of another record, claims that there is none.
    const isSaid = claims[field] !== undefined || (claims.kind !== undefined && REFERENCES.has(field));
    return isSaid && comparable(posted[field]) !== comparable(claims[field]);
  });
  return differing ?? grantDifference(posted.grant, claims);
}

/** Whoever says in full what is to move, and nothing of a grant, claims that it is none. */
function grantDifference(posted: GrantTerms | undefined, { kind, grant }: TransferClaims): string | undefined {
  if (grant === undefined) return kind !== undefined && posted !== undefined ? 'grant' : undefined;
  if (posted === undefined) return 'grant';
  return (['priority', 'expiresAt'] as const).find((name) => grant[name] !== undefined && grant[name] !== posted[name]);
}

/** Fields by which a transfer is an answer to another record. */
const REFERENCES: ReadonlySet<keyof TransferClaims> = new Set(['corrects', 'hold']);

/** A field as text that is the same for equal values; undefined where it is left out. */
export function comparable(value: Transfer[(typeof CLAIM_ORDER)[number]]): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  return typeof value === 'bigint' ? value.toString() : JSON.stringify(quantityEntries(value));
}

/** What a reversal says of itself; the rest it has from its original. */
export type ReversalTerms = Pick<Transfer, 'id' | 'amount' | 'recordedAt'> &
  Partial<Pick<Transfer, 'effectiveAt' | 'description' | 'repair'>>;

/**
 * The transfer that takes back a part of another or all of it. It keeps the request, the operation and the key, and
 * counts when the original did unless told otherwise, so that whoever compares by these sees the net of both.
 */
export function reversalOf(original: Transfer, terms: ReversalTerms): Transfer {
  return {
    kind: 'transfer',
    debit: original.credit,
    credit: original.debit,
    asset: original.asset,
    effectiveAt: original.effectiveAt,
    ...(original.requestId !== undefined && { requestId: original.requestId }),
    ...(original.operation !== undefined && { operation: original.operation }),
    ...(original.key !== undefined && { key: original.key }),
    ...terms,
    corrects: original.id,
  };
}

/** What was reversed of a transfer, and what of it can be reversed still. */
export interface Reversals {
  readonly remaining: bigint;
  /** The ids of its reversals, in the order in which they were posted. */
  readonly ids: readonly string[];
}

/** Reversals of one transfer: their ids, of 128 bytes at most, are one item that every further reversal rewrites. */
export const REVERSALS_MAX = 100;

/** Why this amount cannot be reversed of a transfer; undefined when it can. */
export function reversalRefusal({ remaining, ids }: Reversals, amount: bigint): Refusal | undefined {
  if (remaining === 0n || amount > remaining) return { kind: 'over-reversed', remaining };
  return ids.length >= REVERSALS_MAX ? { kind: 'too-many-reversals' } : undefined;
}

/** Why a transfer was not posted. A refused write leaves nothing behind, so its id may be tried again. */
export type Refusal =
  | { readonly kind: 'hold-captured'; readonly hold: string }
  | { readonly kind: 'hold-released'; readonly hold: string }
  | { readonly kind: 'hold-expired'; readonly hold: string; readonly expiresAt: Instant }
  | { readonly kind: 'over-captured'; readonly held: bigint }
  | { readonly kind: 'over-reversed'; readonly remaining: bigint }
  | { readonly kind: 'too-many-reversals' }
  | { readonly kind: 'insufficient-funds'; readonly account: string }
  | { readonly kind: 'account-frozen'; readonly account: string }
  | { readonly kind: 'account-closed'; readonly account: string }
  | { readonly kind: 'before-opening'; readonly account: string; readonly openedOn: string }
  | { readonly kind: 'too-many-grants'; readonly account: string }
  | { readonly kind: 'account-unknown'; readonly account: string }
  | { readonly kind: 'ledger-paused'; readonly reason: string };

/**
 * Every way that posting a transfer can end, in order of precedence: a replay after the money is spent is a replay and
 * not a refusal, and of several refusals the first in this order is told. A paused ledger does not look at accounts, so
 * it tells nothing else of what is not a replay.
 */
export type TransferResult =
  | { readonly kind: 'created'; readonly transfer: Transfer }
  | { readonly kind: 'replayed'; readonly transfer: Transfer }
  | { readonly kind: 'conflict'; readonly id: string; readonly field: string; readonly posted: Transfer }
  | Refusal;

const REFUSAL_PRECEDENCE: readonly Refusal['kind'][] = [
  'hold-captured',
  'hold-released',
  'hold-expired',
  'over-captured',
  'over-reversed',
  'too-many-reversals',
  'insufficient-funds',
  'account-frozen',
  'account-closed',
  'before-opening',
  'too-many-grants',
  'account-unknown',
  'ledger-paused',
];

/** Of several refusals, the one to tell. Ties keep the given order: the debit side comes first. */
export function firstRefusal(refusals: readonly Refusal[]): Refusal | undefined {
  return [...refusals].sort((a, b) => REFUSAL_PRECEDENCE.indexOf(a.kind) - REFUSAL_PRECEDENCE.indexOf(b.kind))[0];
}
