import type { BalanceFigures } from './accounts.ts';
import type { OverCapture } from './chart.ts';
import type { Quantities } from './evidence.ts';
import type { Asset } from './money.ts';
import { dayOf, type Instant } from './time.ts';
import { comparable, type Refusal, type Transfer } from './transfers.ts';

/** A reservation of what an account has available. It never changes: what becomes of it is a record of its own. */
export interface Hold {
  /** Chosen by the caller; the idempotency key and the primary key, for ever. */
  readonly id: string;
  readonly account: string;
  /** Whom a capture pays; of a hold for usage, the revenue account of the rate card that priced it. */
  readonly credit: string;
  readonly asset: Asset;
  /** Minor units, never negative. Zero is allowed: an estimate may come to nothing. */
  readonly amount: bigint;
  readonly createdAt: Instant;
  /** The first moment at which it reserves nothing any more. */
  readonly expiresAt: Instant;
  /** The request that it is for; what evidence and ledger are compared by. */
  readonly requestId?: string;
  /** There for a hold for usage: the estimate, and by which version of which rate card it was priced. */
  readonly operation?: string;
  readonly quantities?: Quantities;
  readonly rateCard?: string;
  readonly description?: string;
  /** The id of the API key that made it. */
  readonly key?: string;
}

/** How a hold ended. There is one for each hold at most, and it never changes. */
export interface Resolution {
  /** The hold's id. */
  readonly hold: string;
  readonly kind: 'captured' | 'released' | 'expired';
  /** When it ended; of an expiry, when it was to expire. */
  readonly at: Instant;
  /** When the ledger wrote it down. */
  readonly recordedAt: Instant;
  /** The API key that ended it; nobody ends an expired one. */
  readonly by?: string;
  readonly reason?: string;
  /** The transfer that captured it, and how much that took: above what was held where the excess was charged. */
  readonly transferId?: string;
  readonly captured?: bigint;
  /** Minor units that became available again. */
  readonly freed: bigint;
}

export type HoldStatus = 'open' | Resolution['kind'];

/** What a hold is at a moment. An expiry holds from its time on, whether it was written down or not. */
export function holdStatus(hold: Hold, resolution: Resolution | undefined, now: Instant): HoldStatus {
  if (resolution !== undefined) return resolution.kind;
  return hasExpired(hold, now) ? 'expired' : 'open';
}

export function hasExpired({ expiresAt }: Pick<Hold, 'expiresAt'>, now: Instant): boolean {
  return expiresAt <= now;
}

/** What becomes of a hold that this transfer captures. What it does not take is free at once. */
export function captureOf(hold: Hold, transfer: Transfer, by: string): Resolution {
  const { recordedAt, id: transferId, amount: captured } = transfer;
  return {
    ...resolved(hold, 'captured', recordedAt, recordedAt),
    ...(by !== '' && { by }),
    transferId,
    captured,
    freed: captured < hold.amount ? hold.amount - captured : 0n,
  };
}

export function releaseOf(hold: Hold, now: Instant, by: string, reason?: string): Resolution {
  return {
    ...resolved(hold, 'released', now, now),
    ...(by !== '' && { by }),
    ...(reason !== undefined && { reason }),
  };
}

export function expiryOf(hold: Hold, recordedAt: Instant): Resolution {
  return resolved(hold, 'expired', hold.expiresAt, recordedAt);
}

function resolved(hold: Hold, kind: Resolution['kind'], at: Instant, recordedAt: Instant): Resolution {
  return { hold: hold.id, kind, at, recordedAt, freed: hold.amount };
}

/** Why a hold that ended cannot end once more. */
export function resolvedRefusal({ hold, kind, at }: Resolution): Refusal {
  return kind === 'expired' ? { kind: 'hold-expired', hold, expiresAt: at } : { kind: `hold-${kind}`, hold };
}

/** Why an open hold cannot be captured for so much; undefined when it can, as far as its account has the excess. */
export function overCaptureRefusal(hold: Hold, amount: bigint, policy: OverCapture = 'refuse'): Refusal | undefined {
  return amount > hold.amount && policy === 'refuse' ? { kind: 'over-captured', held: hold.amount } : undefined;
}

/** What a capture takes beyond its hold, in minor units. */
export function excessOf(hold: Pick<Hold, 'amount'>, amount: bigint): bigint {
  return amount > hold.amount ? amount - hold.amount : 0n;
}

/** What a hold does to its account: it moves nothing, and lowers what is available. */
export function holdingOf({ account, asset, amount, createdAt }: Hold) {
  return { account, asset, at: createdAt, day: dayOf(createdAt), credits: 0n, debits: 0n, held: amount };
}

/** What the end of a hold without a capture does to its account, whatever that one's status. */
export function freeingOf(hold: Hold, at: Instant) {
  return { ...holdingOf(hold), at, day: dayOf(at), held: -hold.amount, onlyFrees: true as const };
}

/** What the caller of a hold said in so many words; a replay is compared by these alone. */
export type HoldClaims = Partial<
  Pick<Hold, 'account' | 'credit' | 'amount' | 'operation' | 'quantities' | 'expiresAt' | 'requestId' | 'description'>
> & {
  /** Where the caller said how long, and not until when. */
  readonly expiresInSeconds?: bigint;
};

/** The order in which fields are compared, so that the same conflict always names the same field. */
const CLAIM_ORDER = [
  'account',
  'credit',
  'amount',
  'operation',
  'quantities',
  'expiresAt',
  'expiresInSeconds',
  'requestId',
  'description',
] as const satisfies readonly (keyof HoldClaims)[];

/** The first field in which a repeated id differs from the hold that has it; undefined when it is a true replay. */
export function firstHoldDifference(hold: Hold, claims: HoldClaims): string | undefined {
  const isForUsage = hold.operation !== undefined;
  return CLAIM_ORDER.find((field) => {
    const claimed = claims[field];
    if (claimed === undefined) return false;
    // What a hold for usage comes to was not said by its caller.
    if (isForUsage && (field === 'amount' || field === 'credit')) return true;
    return comparable(saidOf(hold, field)) !== comparable(claimed);
  });
}

function saidOf(hold: Hold, field: keyof HoldClaims) {
  return field === 'expiresInSeconds' ? secondsOf(hold) : hold[field];
}

/** How long it lasts from its beginning; a part of a second makes it unlike any whole number. */
function secondsOf({ createdAt, expiresAt }: Hold): bigint | undefined {
  const milliseconds = BigInt(Date.parse(expiresAt) - Date.parse(createdAt));
  return milliseconds % 1_000n === 0n ? milliseconds / 1_000n : undefined;
}

/** Every way that asking for a hold can end, in order of precedence. */
export type HoldResult =
  | { readonly kind: 'created'; readonly hold: Hold }
  | { readonly kind: 'replayed'; readonly hold: Hold }
  | { readonly kind: 'conflict'; readonly held: Hold; readonly field: string }
  | Refusal;

/** Whether an account has ever held anything: what open holds reserve is there from the first one on. */
export function hasEverHeld({ holdChanges = 0n }: BalanceFigures): boolean {
  return holdChanges > 0n;
}
