import { expiredOf, type GrantState, NO_GRANTS } from './grants.ts';
import type { Asset } from './money.ts';
import type { Day, Instant } from './time.ts';

export type AccountStatus = 'open' | 'frozen' | 'closed';

/** An opened account. Figures are there for strict accounts only; a derived balance is summed from transfers. */
export interface Account {
  readonly id: string;
  readonly asset: Asset;
  readonly balance: 'strict' | 'derived';
  readonly status: AccountStatus;
  /** The first day that its transfers may count on. */
  readonly openedOn: Day;
  readonly createdAt: Instant;
  /** How far below zero the balance may go, in minor units. */
  readonly creditLimit: bigint;
  readonly figures?: BalanceFigures;
  /** Absent while it never had a grant. */
  readonly grants?: GrantState;
  /** What its owner noted at its opening: a few short texts by name, never changed. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Why, when and by which key its status was last changed; absent while it never was. */
  readonly statusReason?: string;
  readonly statusChangedAt?: Instant;
  readonly statusChangedBy?: string;
}

/** A strict balance: two growing counters, what is reserved of it, and what a limit checks. */
export interface BalanceFigures {
  /** Sum of all transfers that credited the account. */
  readonly credits: bigint;
  /** Sum of all transfers that debited it. */
  readonly debits: bigint;
  /** What open holds reserve. */
  readonly held: bigint;
  /**
   * How often that was changed; absent until the first hold. It tells whether anything was held or freed between two
   * readings, which the sum does not: what one hold gave back another may have taken.
   */
  readonly holdChanges?: bigint;
  /** credits - debits - held + creditLimit; stored because a condition expression cannot add. Never below zero. */
  readonly available: bigint;
}

/** What can be spent: what is available, less what has expired of grants and was not posted to breakage yet. */
export function usableOf({ figures, grants = NO_GRANTS }: Account, at: Instant): bigint {
  const usable = (figures?.available ?? 0n) - expiredOf(grants, at);
  // Holds from before an expiry may reserve what has expired since.
  return usable > 0n ? usable : 0n;
}

/** A living account is not what the chart of accounts says: the chart was changed under it. */
export class ChartChangedError extends Error {
  override name = 'ChartChangedError';
}

export type StatusChange = 'freeze' | 'unfreeze' | 'close';
export type AccountChange =
  | { readonly kind: StatusChange }
  | { readonly kind: 'credit-limit'; readonly creditLimit: bigint };

/** What a change of status makes of an account, and what it may be before. Closed is for ever. */
export const STATUS_CHANGES = {
  freeze: { from: ['open'], to: 'frozen' },
  unfreeze: { from: ['frozen'], to: 'open' },
  close: { from: ['open', 'frozen'], to: 'closed' },
} as const satisfies Record<StatusChange, { from: readonly AccountStatus[]; to: AccountStatus }>;

/**
 * Every way that changing an account can end. Of several that fit, the first after `changed` in this order is told, so
 * that a repeated change is `unchanged` and never a refusal.
 */
export type AccountChangeResult =
  | { readonly kind: 'changed'; readonly account: Account }
  | { readonly kind: 'account-unknown' }
  | { readonly kind: 'derived-balance' }
  | { readonly kind: 'unchanged'; readonly account: Account }
  | { readonly kind: 'account-closed' }
  | { readonly kind: 'account-not-empty'; readonly balance: bigint; readonly held: bigint }
  /** `lowest`: the lowest limit that what is used allows. */
  | { readonly kind: 'limit-in-use'; readonly lowest: bigint };

/**
 * Why a change is not to be made, told from the account as it stands; undefined when it may be made.
 * @param at decides what has expired of its grants; left out, nothing has.
 */
export function answerToChange(
  account: Account | undefined,
  change: AccountChange,
  at: Instant = '',
): Exclude<AccountChangeResult, { kind: 'changed' }> | undefined {
  if (account === undefined) return { kind: 'account-unknown' };
  // No item of a derived balance is in the condition of its transfers, so nothing would hold what is said here.
  if (account.figures === undefined) return { kind: 'derived-balance' };
  const { available } = account.figures;
  if (change.kind === 'credit-limit') {
    if (change.creditLimit === account.creditLimit) return { kind: 'unchanged', account };
    if (account.status === 'closed') return { kind: 'account-closed' };
    // What has expired does not stay, so nothing may be owed against it.
    const lowest = account.creditLimit - usableOf(account, at);
    return change.creditLimit < lowest ? { kind: 'limit-in-use', lowest } : undefined;
  }
  if (account.status === STATUS_CHANGES[change.kind].to) return { kind: 'unchanged', account };
  if (account.status === 'closed') return { kind: 'account-closed' };
  const { held } = account.figures;
  const balance = available + held - account.creditLimit;
  return change.kind === 'close' && (balance !== 0n || held !== 0n)
    ? { kind: 'account-not-empty', balance, held }
    : undefined;
}
