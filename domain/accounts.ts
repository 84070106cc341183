import type { Asset } from './money.ts';
import type { Day, Instant } from './time.ts';
import type { Refusal } from './transfers.ts';

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
}

/** A strict balance: two growing counters, and what a limit checks. */
export interface BalanceFigures {
  /** Sum of all transfers that credited the account. */
  readonly credits: bigint;
  /** Sum of all transfers that debited it. */
  readonly debits: bigint;
  /** credits - debits + creditLimit; stored because a condition expression cannot add. Never below zero. */
  readonly available: bigint;
}

/** A living account is not what the chart of accounts says: the chart was changed under it. */
export class ChartChangedError extends Error {
  override name = 'ChartChangedError';
}

/** Why a transfer could not touch an account, told from the account as it stood; undefined when it could. @throws ChartChangedError */
export function refusalOf(
  account: Account | undefined,
  touch: {
    readonly account: string;
    readonly side: 'debit' | 'credit';
    readonly asset: Asset;
    readonly amount: bigint;
    readonly day: Day;
  },
): Refusal | undefined {
  if (account === undefined) return { kind: 'account-unknown', account: touch.account };
  if (account.figures === undefined || account.asset !== touch.asset) {
    throw new ChartChangedError(
      `The chart changed under ${touch.account}: it was opened as ${account.balance}, ${account.asset}.`,
    );
  }
  const { available } = account.figures;
  if (touch.side === 'debit' && available < touch.amount) return { kind: 'insufficient-funds', account: touch.account };
  if (account.status === 'frozen') return { kind: 'account-frozen', account: touch.account };
  if (account.status === 'closed') return { kind: 'account-closed', account: touch.account };
  if (touch.day < account.openedOn) {
    return { kind: 'before-opening', account: touch.account, openedOn: account.openedOn };
  }
  return undefined;
}
