import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { type Account, ChartChangedError } from '../domain/accounts.ts';
import { type Chart, chartEntryOf } from '../domain/chart.ts';
import { breakableOf, type Grant, isExpired, NO_GRANTS } from '../domain/grants.ts';
import { BREAKAGE_PREFIX } from '../domain/ids.ts';
import { addMilliseconds, type Instant } from '../domain/time.ts';
import type { Transfer } from '../domain/transfers.ts';
import { getAccount } from './accounts.ts';
import { knownGrantsOf, type ListedGrant, lookAgainItem, nextMultiple, rememberGrants } from './grants.ts';
import { postTransfer } from './ledger.ts';
import type { LedgerStore } from './posting.ts';
import { retryTransient } from './retry.ts';

/** What the sweep of expired grants stands on. */
export interface GrantSweep {
  readonly store: LedgerStore;
  readonly chart: Chart;
  /** Milliseconds that a hold may last: within them after its expiry, what is held may be of the grant. */
  readonly holdMs: number;
}

export type SweptGrant =
  /** Nothing is left of it that has expired. */
  | { readonly kind: 'nothing-left' }
  /** What could be posted was; anything left is listed to be looked at again. */
  | { readonly kind: 'posted'; readonly transfer: Transfer }
  /** Nothing can be posted now, and it is listed to be looked at again. */
  | { readonly kind: 'later' };

/** Something that is no expiry has the id under which an expiry is to be posted. No repetition mends that. */
export class BreakageIdTakenError extends Error {
  override name = 'BreakageIdTakenError';
}

/** Milliseconds until a grant is looked at again of which holds may reserve a part: most holds are shorter. */
const HELD_AGAIN_MS = 60 * 60_000;
/** Milliseconds until a grant of a frozen account is looked at again: freezes last for days. */
const FROZEN_AGAIN_MS = 24 * HELD_AGAIN_MS;
/** Attempts at one grant; each one that fails has met another movement of its account. A grant can wait. */
const ATTEMPTS_MAX = 5;

/**
 * Posts what is left of an expired grant to the breakage account of its chart entry. May be called any number of times,
 * by several at once and after any crash: the id of the transfer is made of the state that it was decided from, and the
 * write burns the grant, so that nothing is posted twice.
 * @throws StoreUnavailableError when conflicts or faults last, ChartChangedError without a breakage account to post to,
 * and BreakageIdTakenError.
 */
export async function sweepGrant(sweep: GrantSweep, listed: ListedGrant, now: Instant): Promise<SweptGrant> {
  const store = { ...sweep.store, grants: knownGrantsOf(sweep.store) };
  let taken: string | undefined;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const account = await getAccount(store, listed.account);
    const grant = account?.grants?.grants.find(({ id }) => id === listed.grant);
    if (account?.figures === undefined || grant === undefined || account.status === 'closed') return NOTHING_LEFT;
    const { expiresAt = '' } = grant;
    if (grant.remaining === 0n || !isExpired(grant, now)) return NOTHING_LEFT;
    if (account.status === 'frozen') return lookAgain(store, listed, now, FROZEN_AGAIN_MS);
    const amount = breakableOf(grant, account.figures, now < addMilliseconds(expiresAt, sweep.holdMs));
    if (amount === 0n) return lookAgain(store, listed, now, HELD_AGAIN_MS);
    rememberGrants(store.grants, account.id, account.grants ?? NO_GRANTS);
    const posting = breakage(sweep, account, grant, amount, now);
    const { id } = posting.transfer;
    if (id === taken)
      throw new BreakageIdTakenError(`What expired of "${grant.id}" cannot be posted: "${id}" is taken.`);
    const result = await postTransfer(store, posting);
    if ('account' in result && result.account !== account.id) {
      throw new ChartChangedError(`The breakage account ${result.account} takes nothing: ${result.kind}. Mend it.`);
    }
    // Another sweep has posted it, and then the account has less of the grant by now. If it has not, it was no sweep.
    if (result.kind === 'conflict' || result.kind === 'replayed') taken = id;
    if (result.kind !== 'created') continue;
    // Put after it: whoever stops in between comes here again, because the grant's first entry is not done yet.
    if (amount < grant.remaining) await lookAgain(store, listed, now, HELD_AGAIN_MS);
    return { kind: 'posted', transfer: result.transfer };
  }
  return lookAgain(store, listed, now, HELD_AGAIN_MS);
}

const NOTHING_LEFT: SweptGrant = { kind: 'nothing-left' };

function breakage({ chart }: GrantSweep, account: Account, grant: Grant, amount: bigint, now: Instant) {
  const debitEntry = chartEntryOf(chart, account.id);
  const credit = debitEntry?.breakage;
  const creditEntry = credit === undefined ? undefined : chartEntryOf(chart, credit);
  if (debitEntry === undefined || credit === undefined || creditEntry === undefined) {
    throw new ChartChangedError(`The chart has no breakage account for "${account.id}" any more. Give its entry one.`);
  }
  const shape = account.grants?.shape ?? 0n;
  const transfer: Transfer = {
    // While the shape stays what remains only falls, so no two states have one id.
    id: `${BREAKAGE_PREFIX}${grant.id}:${shape}.${grant.remaining}`,
    kind: 'transfer',
    debit: account.id,
    credit,
    asset: account.asset,
    amount,
    effectiveAt: grant.expiresAt ?? now,
    recordedAt: now,
    description: 'What was left of a grant when it expired.',
  };
  const effects = { debit: { kind: 'expired' as const, grant: grant.id } };
  return { transfer, claims: transfer, debitEntry, creditEntry, effects };
}

/**
 * Lists a grant once more, on the full hour or day: a sweep looks at everything several times, and however often it does,
 * the grant is to be listed there once.
 */
async function lookAgain(store: LedgerStore, listed: ListedGrant, now: Instant, everyMs: number): Promise<SweptGrant> {
  const at = nextMultiple(now, everyMs);
  const command = new PutItemCommand({ TableName: store.ledgerTable, Item: lookAgainItem(listed, at) });
  await retryTransient(() => store.client.send(command), store.clock);
  return { kind: 'later' };
}
