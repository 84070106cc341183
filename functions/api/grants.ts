import { GRANT_PRIORITY } from '../../contract/limits.ts';
import { accountId } from '../../contract/schemas/common.ts';
import type { OutputOf } from '../../contract/schemas/deferred.ts';
import { grantId, type grants } from '../../contract/schemas/grants.ts';
import type { Account, BalanceFigures } from '../../domain/accounts.ts';
import { type ChartEntry, chartEntryOf } from '../../domain/chart.ts';
import { expiredOf, NO_GRANTS, sumOf } from '../../domain/grants.ts';
import type { Instant } from '../../domain/time.ts';
import { getAccount } from '../../store/accounts.ts';
import { expiryItem } from '../../store/grants.ts';
import { replayOf } from '../../store/ledger.ts';
import type { Posting } from '../../store/posting.ts';
import { type Answer, type FieldError, invalid, ok } from '../runtime/answers.ts';
import type { ApiRequest, BodyOf } from '../runtime/pipeline.ts';
import { idempotencyKey, maySee, printable } from '../runtime/requests.ts';
import { entryOf } from './chart-entries.ts';
import type { LedgerDeps } from './ledger-deps.ts';
import { answerOf, derivedBalance, unknownAccount } from './outcomes.ts';
import { postTransferOnce } from './posting.ts';

/** Grants an amount to a strict account, once: it is burned before paid money, and may expire. */
export async function grant(
  deps: LedgerDeps,
  { body, caller, event }: ApiRequest<BodyOf<'postGrant'>>,
): Promise<Answer> {
  const key = idempotencyKey(event, body.id, grantId());
  if (!key.ok) return key.answer;
  const credit = entryOf(deps.chart, 'account', body.account);
  if (!credit.ok) return credit.answer;
  const debit = entryOf(deps.chart, 'source', body.source);
  if (!debit.ok) return debit.answer;
  const broken = brokenRule(deps, body, credit.entry, debit.entry);
  if (broken !== undefined) return invalid([broken]);
  if (credit.entry.balance === 'derived') {
    return derivedBalance(body.account, 'account', 'and no item of it could say what is left of a grant');
  }

  const now = deps.now();
  const posting = postingOf(body, key.value, now, { debitEntry: debit.entry, creditEntry: credit.entry });
  if (body.expiresAt !== undefined && body.expiresAt <= now) {
    // Sent again after its expiry, it is still a replay.
    const replay = await replayOf(deps.store, key.value, posting.claims);
    if (replay === undefined) return invalid([{ field: 'expiresAt', rule: 'must be in the future' }]);
    return answerOf(replay, caller, { kind: 'grant' });
  }
  return postTransferOnce(deps, caller, posting, 'grant');
}

/** What is left of an account's grants in the order of burning, and what is paid money. */
export async function getGrants(deps: LedgerDeps, { params, caller }: ApiRequest<undefined>): Promise<Answer> {
  const id = params.accountId ?? '';
  const isVisible = accountId.safeParse(id).success && maySee(caller, id);
  const account = isVisible ? await getAccount(deps.store, id) : undefined;
  if (account === undefined) return unknownAccount(printable(id), 'accountId');
  const { figures } = account;
  if (figures === undefined) return derivedBalance(id, 'accountId', 'and has no grants');
  return ok(200, renderGrants(account, figures, deps.now()));
}

/** What the chart does not let be granted. */
function brokenRule(
  { chart }: LedgerDeps,
  { expiresAt }: BodyOf<'postGrant'>,
  account: ChartEntry,
  source: ChartEntry,
): FieldError | undefined {
  if (account.party !== 'customer') return { field: 'account', rule: "must be a customer's account" };
  if (source.party !== 'platform') return { field: 'source', rule: 'must be a platform account' };
  if (source.asset !== account.asset) {
    return { field: 'source', rule: `must be an account in "${account.asset}", the asset that the account has` };
  }
  const breakage = account.breakage === undefined ? undefined : chartEntryOf(chart, account.breakage);
  return expiresAt !== undefined && breakage?.asset !== account.asset && account.balance === 'strict'
    ? { field: 'expiresAt', rule: 'must be left out: the chart gives this account no breakage account in its asset' }
    : undefined;
}

function postingOf(
  { account, source, amount, priority, expiresAt, description }: BodyOf<'postGrant'>,
  id: string,
  now: Instant,
  entries: Pick<Posting, 'debitEntry' | 'creditEntry'>,
): Posting {
  const terms = { priority: BigInt(priority ?? GRANT_PRIORITY), ...(expiresAt !== undefined && { expiresAt }) };
  const said = {
    kind: 'transfer' as const,
    debit: source,
    credit: account,
    amount,
    ...(description !== undefined && { description }),
  };
  const { asset } = entries.creditEntry;
  return {
    ...entries,
    transfer: { ...said, id, asset, effectiveAt: now, recordedAt: now, grant: terms },
    claims: {
      ...said,
      grant: {
        ...(priority !== undefined && { priority: BigInt(priority) }),
        ...(expiresAt !== undefined && { expiresAt }),
      },
    },
    effects: { credit: { kind: 'granted', grant: { ...terms, id, remaining: amount, at: now } } },
    ...(expiresAt !== undefined && { puts: [expiryItem(id, account, expiresAt)] }),
  };
}

function renderGrants(
  { id, asset, grants: state = NO_GRANTS }: Account,
  { credits, debits }: BalanceFigures,
  at: Instant,
): OutputOf<typeof grants> {
  const left = state.grants.filter(({ remaining }) => remaining > 0n);
  const granted = sumOf(left);
  return {
    account: id,
    asset,
    at,
    grants: left.map((one) => ({
      id: one.id,
      remaining: one.remaining.toString(),
      priority: Number(one.priority),
      ...(one.expiresAt !== undefined && { expiresAt: one.expiresAt }),
      grantedAt: one.at,
    })),
    granted: granted.toString(),
    paid: (credits - debits - granted).toString(),
    expired: expiredOf(state, at).toString(),
  };
}
