import { type Account, ChartChangedError } from './accounts.ts';
import type { Asset } from './money.ts';
import type { Day } from './time.ts';
import { firstRefusal, type Refusal } from './transfers.ts';

/** What one record of the ledger does to one strict balance. Amounts are minor units. */
export interface Movement {
  readonly account: string;
  readonly asset: Asset;
  /** The day that it counts on: not before the account was opened. */
  readonly day: Day;
  readonly credits: bigint;
  readonly debits: bigint;
  /** What is held on top, or with a minus what is held no more. */
  readonly held: bigint;
  /** Gives back what was held and moves nothing, which no status of the account forbids. */
  readonly onlyFrees?: true;
}

/** By how much it changes what is available. */
export function changeOf({ credits, debits, held }: Pick<Movement, 'credits' | 'debits' | 'held'>): bigint {
  return credits - debits - held;
}

/** Why a movement could not be made, told from the account as it stood; undefined when it could. @throws ChartChangedError */
export function refusalOf(account: Account | undefined, movement: Movement): Refusal | undefined {
  if (account === undefined) return { kind: 'account-unknown', account: movement.account };
  if (account.figures === undefined || account.asset !== movement.asset) {
    throw new ChartChangedError(
      `The chart changed under ${movement.account}: it was opened as ${account.balance}, ${account.asset}.`,
    );
  }
  const change = changeOf(movement);
  if (change < 0n && account.figures.available + change < 0n) {
    return { kind: 'insufficient-funds', account: movement.account };
  }
  if (movement.onlyFrees) return undefined;
  if (account.status === 'frozen') return { kind: 'account-frozen', account: movement.account };
  if (account.status === 'closed') return { kind: 'account-closed', account: movement.account };
  if (movement.day < account.openedOn) {
    return { kind: 'before-opening', account: movement.account, openedOn: account.openedOn };
  }
  return undefined;
}

/** Several movements of one balance, made at once in their order. */
export interface MergedMovement extends Movement {
  /** What must be available before: the deepest that the movements go below where they start. */
  readonly needed: bigint;
}

/** @throws TypeError without a movement; all of them are of one account. */
export function mergeMovements(movements: readonly Movement[]): MergedMovement {
  const [first] = movements;
  if (first === undefined) throw new TypeError('There is no movement to merge.');
  let [credits, debits, held, needed] = [0n, 0n, 0n, 0n];
  let { day } = first;
  for (const movement of movements) {
    credits += movement.credits;
    debits += movement.debits;
    held += movement.held;
    const below = -changeOf({ credits, debits, held });
    // A movement that gives more than it takes is never refused for want of funds.
    if (changeOf(movement) < 0n && below > needed) needed = below;
    if (movement.day < day) day = movement.day;
  }
  const { account, asset } = first;
  const onlyFrees = movements.every((movement) => movement.onlyFrees);
  return { account, asset, day, credits, debits, held, needed, ...(onlyFrees && { onlyFrees }) };
}

/** What an account looks like after a movement that was not refused. */
export function moved(account: Account, { credits, debits, held }: Movement): Account {
  const { figures } = account;
  if (figures === undefined) return account;
  return {
    ...account,
    figures: {
      credits: figures.credits + credits,
      debits: figures.debits + debits,
      held: figures.held + held,
      available: figures.available + changeOf({ credits, debits, held }),
    },
  };
}

/** Accounts by id as they stood when a write failed on them; undefined for one that does not exist. */
export type KnownAccounts = ReadonlyMap<string, Account | undefined>;

/**
 * Makes the movements of several records in their order, as far as the accounts are known.
 * @returns for each record why it is refused, and the accounts after those that are not.
 */
export function tryMovements(
  accounts: KnownAccounts,
  records: readonly (readonly Movement[])[],
): { readonly refusals: readonly (Refusal | undefined)[]; readonly after: KnownAccounts } {
  const after = new Map(accounts);
  const refusals = records.map((movements) => {
    const known = movements.filter((movement) => after.has(movement.account));
    const refused = known.flatMap((movement) => refusalOf(after.get(movement.account), movement) ?? []);
    const refusal = firstRefusal(refused);
    if (refusal !== undefined) return refusal;
    for (const movement of known) {
      const account = after.get(movement.account);
      if (account !== undefined) after.set(movement.account, moved(account, movement));
    }
    return undefined;
  });
  return { refusals, after };
}
