import { type Account, ChartChangedError } from './accounts.ts';
import { expiredOf, type GrantMovement, type GrantShare, type GrantState, NO_GRANTS, planGrants } from './grants.ts';
import type { Asset } from './money.ts';
import type { Day, Instant } from './time.ts';
import { firstRefusal, type Refusal } from './transfers.ts';

/** What one record of the ledger does to one strict balance. Amounts are minor units. */
export interface Movement extends GrantMovement {
  readonly account: string;
  readonly asset: Asset;
  /** When it is made, which decides what has expired. */
  readonly at: Instant;
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
  const grants = account.grants ?? NO_GRANTS;
  const plan = planGrants(grants, movement);
  const floor = floorOf(movement, grants, plan.kind === 'planned' ? plan.after : grants);
  const isShort = floor !== undefined && account.figures.available + changeOf(movement) < floor;
  if (isShort || plan.kind === 'spent') return { kind: 'insufficient-funds', account: movement.account };
  if (movement.onlyFrees) return undefined;
  if (account.status === 'frozen') return { kind: 'account-frozen', account: movement.account };
  if (account.status === 'closed') return { kind: 'account-closed', account: movement.account };
  if (movement.day < account.openedOn) {
    return { kind: 'before-opening', account: movement.account, openedOn: account.openedOn };
  }
  return plan.kind === 'too-many-grants' ? { kind: 'too-many-grants', account: movement.account } : undefined;
}

/**
 * What must be available after a movement: what has expired cannot be spent, but whatever takes nothing beside it may go
 * on. What the movement frees does not pay for more: it may have been held of what has expired. Undefined when the
 * movement gives as much as it takes and is never refused for want of funds.
 */
function floorOf(movement: Movement, before: GrantState, after: GrantState): bigint | undefined {
  if (changeOf(movement) >= 0n) return undefined;
  const { at, credits, debits, held } = movement;
  const expired = expiredOf(after, at);
  const taken = debits + (held > 0n ? held : 0n) - credits;
  return taken > expiredOf(before, at) - expired ? expired : 0n;
}

/** Several movements of one balance, made at once in their order. */
export interface MergedMovement extends Omit<Movement, 'grants'> {
  /** What must be available before: the deepest that the movements go below where they start. */
  readonly needed: bigint;
  /** Left out where no movement asks what the account has of grants. */
  readonly plan?: MergedPlan;
}

/** What the movements do to the grants of the account, from what was known of them. */
export interface MergedPlan {
  readonly before: GrantState;
  readonly after: GrantState;
  /** What each movement burns. */
  readonly burned: readonly (readonly GrantShare[])[];
  /** It could not be made from what was known: the account must be asked. */
  readonly isImpossible: boolean;
}

/**
 * @param known what the account is believed to have of grants.
 * @throws TypeError without a movement; all of them are of one account.
 */
export function mergeMovements(movements: readonly Movement[], known: GrantState = NO_GRANTS): MergedMovement {
  const [first] = movements;
  if (first === undefined) throw new TypeError('There is no movement to merge.');
  let [credits, debits, held, needed] = [0n, 0n, 0n, 0n];
  let [{ day }, grants, isImpossible] = [first, known, false];
  const burned: (readonly GrantShare[])[] = [];
  for (const movement of movements) {
    credits += movement.credits;
    debits += movement.debits;
    held += movement.held;
    const plan = planGrants(grants, movement);
    const after = plan.kind === 'planned' ? plan.after : grants;
    if (plan.kind !== 'planned') isImpossible = true;
    burned.push(plan.kind === 'planned' ? plan.burned : []);
    const floor = floorOf(movement, grants, after);
    const below = floor === undefined ? 0n : floor - changeOf({ credits, debits, held });
    if (below > needed) needed = below;
    if (movement.day < day) day = movement.day;
    grants = after;
  }
  const { account, asset, at } = first;
  const onlyFrees = movements.every((movement) => movement.onlyFrees);
  const asks = movements.some((movement) => movement.debits > 0n || changeOf(movement) < 0n || movement.grants);
  return {
    ...{ account, asset, at, day, credits, debits, held, needed },
    ...(onlyFrees && { onlyFrees }),
    ...(asks && { plan: { before: known, after: grants, burned, isImpossible } }),
  };
}

/** What an account looks like after a movement that was not refused. */
export function moved(account: Account, movement: Movement): Account {
  const { figures, grants = NO_GRANTS } = account;
  if (figures === undefined) return account;
  const { credits, debits, held } = movement;
  const plan = planGrants(grants, movement);
  return {
    ...account,
    ...(plan.kind === 'planned' && plan.after !== grants && { grants: plan.after }),
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
