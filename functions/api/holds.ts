import { CLOCK_SKEW_MS_MAX, HOLD_SECONDS, HOLD_SECONDS_MAX, HOLD_SECONDS_MIN } from '../../contract/limits.ts';
import { id as idSchema } from '../../contract/schemas/common.ts';
import type { ChartEntry } from '../../domain/chart.ts';
import type { Hold, HoldClaims, HoldResult } from '../../domain/holds.ts';
import { type Unpriced, versionName } from '../../domain/rating.ts';
import { addMilliseconds, type Instant } from '../../domain/time.ts';
import { getHold, getResolution, holdReplayOf, postHold } from '../../store/holds.ts';
import { type Answer, type FieldError, invalid, ok, problem, replayed } from '../runtime/answers.ts';
import { logger } from '../runtime/logger.ts';
import { countMetric } from '../runtime/metrics.ts';
import type { ApiRequest, BodyOf } from '../runtime/pipeline.ts';
import { type Caller, idempotencyKey, maySee, printable } from '../runtime/requests.ts';
import { entryOf } from './chart-entries.ts';
import type { LedgerDeps } from './ledger-deps.ts';
import { fieldOf, refusalAnswer, unknownAccount } from './outcomes.ts';
import { price, unpriced } from './pricing.ts';
import { renderHold } from './render.ts';

type HoldBody = BodyOf<'createHold'>;

/** Holds an amount, or what an estimate of usage costs now, exactly once. */
export async function hold(deps: LedgerDeps, { body, caller, event }: ApiRequest<HoldBody>): Promise<Answer> {
  const key = idempotencyKey(event, body.id, idSchema);
  if (!key.ok) return key.answer;
  const account = entryOf(deps.chart, 'account', body.account);
  if (!account.ok) return account.answer;
  const credit = body.credit === undefined ? undefined : entryOf(deps.chart, 'credit', body.credit);
  if (credit?.ok === false) return credit.answer;
  const now = deps.now();
  const expiresAt = expiryOf(body, now);
  const wrong = creditError(account.entry, credit?.entry) ?? tooLong(expiresAt, now);
  if (wrong !== undefined) return invalid([wrong]);
  if (!maySee(caller, body.account)) return unknownAccount(body.account);
  if (caller.account !== undefined && body.amount !== undefined) return usageOnly('hold');
  if (account.entry.balance !== 'strict') return derivedBalance(body.account);

  const claims = claimsOf(body);
  const refused = tooShort(expiresAt, now);
  if (refused !== undefined) return replayOr(deps, caller, key.value, claims, () => invalid([refused]));
  const what = await whatToHold(deps, account.entry, body, now);
  if (what.kind === 'unpriced') return replayOr(deps, caller, key.value, claims, () => unpriced(what, 'hold'));
  const wanted: Hold = {
    id: key.value,
    account: body.account,
    asset: account.entry.asset,
    createdAt: now,
    expiresAt,
    ...what.terms,
    ...(body.requestId !== undefined && { requestId: body.requestId }),
    ...(body.description !== undefined && { description: body.description }),
    ...(caller.keyId !== '' && { key: caller.keyId }),
  };
  return place(deps, caller, wanted, claims);
}

/** A hold as it is now, and how it ended. */
export async function getHoldById(deps: LedgerDeps, { params, caller }: ApiRequest<undefined>): Promise<Answer> {
  const held = await holdNamed(deps, caller, params.holdId);
  if (held === undefined) return unknownHold(params.holdId);
  return ok(200, renderHold(held, await getResolution(deps.store, held.id), deps.now()));
}

/** The hold that a path names; undefined also where the caller may not see it. */
export async function holdNamed(deps: LedgerDeps, caller: Caller, id = ''): Promise<Hold | undefined> {
  const held = idSchema.safeParse(id).success ? await getHold(deps.store, id) : undefined;
  return held !== undefined && maySee(caller, held.account) ? held : undefined;
}

export function unknownHold(id = ''): Answer {
  return problem('not-found', `There is no hold "${printable(id)}".`);
}

/** A counterparty of its own choice would tell a bound key of other accounts, as with transfers; a price would be its own. */
export function usageOnly(what: 'hold' | 'capture'): Answer {
  const detail = `A key that is bound to one account may ${what} by usage alone: send operation and quantities.`;
  return problem('missing-scope', detail, [
    { field: 'amount', rule: 'must be left out by a key that is bound to one account' },
  ]);
}

/** A paused ledger takes no new holds; replays change nothing. */
async function place(deps: LedgerDeps, caller: Caller, wanted: Hold, claims: HoldClaims): Promise<Answer> {
  logger.appendKeys({ holdId: wanted.id });
  const { paused, reason } = (await deps.settings.get()).ledgerControl;
  const result = paused
    ? ((await holdReplayOf(deps.store, wanted.id, claims)) ?? { kind: 'ledger-paused' as const, reason })
    : await postHold(deps.store, wanted, claims);
  return answerOf(deps, caller, result, wanted);
}

/** What an id that is taken answers; else the refusal, which was decided before the table was asked. */
async function replayOr(
  deps: LedgerDeps,
  caller: Caller,
  id: string,
  claims: HoldClaims,
  refusal: () => Answer,
): Promise<Answer> {
  const result = await holdReplayOf(deps.store, id, claims);
  return result === undefined ? refusal() : answerOf(deps, caller, result, {});
}

/** Every way that asking for a hold can end, as HTTP says it. */
async function answerOf(
  deps: LedgerDeps,
  caller: Caller,
  result: HoldResult,
  { account, amount }: Partial<Hold>,
): Promise<Answer> {
  switch (result.kind) {
    case 'created':
      countMetric('holds_created');
      return ok(201, renderHold(result.hold, undefined, deps.now()));
    case 'replayed':
      // Whoever asks again is about to rely on it, and must be told when it does not hold any more.
      return replayed(renderHold(result.hold, await getResolution(deps.store, result.hold.id), deps.now()));
    case 'conflict':
      countMetric('idempotency_conflicts');
      return conflictAnswer(result, caller);
    default:
      countMetric('holds_refused');
      return refusalAnswer(result, {
        kind: 'hold',
        ...(account !== undefined && { debit: account }),
        ...(amount !== undefined && { amount }),
      });
  }
}

function conflictAnswer({ held, field }: Extract<HoldResult, { kind: 'conflict' }>, caller: Caller): Answer {
  if (!maySee(caller, held.account)) {
    return problem('conflict', `The id "${held.id}" is taken.`, [{ field: 'id', rule: 'is taken; send a new id' }]);
  }
  const rule = 'differs from the hold that has this id; send the original content, or a new id';
  return problem('conflict', `The id "${held.id}" belongs to a hold with another "${field}".`, [
    { field: fieldOf('hold', field), rule },
  ]);
}

type Terms = Pick<Hold, 'credit' | 'amount'> & Partial<Pick<Hold, 'operation' | 'quantities' | 'rateCard'>>;

/** The amount that was said, or what the estimate costs by the rate card now. */
async function whatToHold(
  deps: LedgerDeps,
  entry: ChartEntry,
  { account, amount, credit, operation = '', quantities = {} }: HoldBody,
  at: Instant,
): Promise<{ readonly kind: 'known'; readonly terms: Terms } | Unpriced> {
  if (amount !== undefined && credit !== undefined) return { kind: 'known', terms: { credit, amount } };
  const rating = await price(deps, entry, { account, operation, quantities, at });
  if (rating.kind === 'unpriced') return rating;
  const { card } = rating;
  const terms = {
    credit: card.revenueAccount,
    amount: rating.amount,
    operation,
    quantities,
    rateCard: versionName(card),
  };
  return { kind: 'known', terms };
}

function expiryOf({ expiresAt, expiresInSeconds = HOLD_SECONDS }: HoldBody, now: Instant): Instant {
  return expiresAt ?? addMilliseconds(now, expiresInSeconds * 1_000);
}

function tooLong(expiresAt: Instant, now: Instant): FieldError | undefined {
  const latest = addMilliseconds(now, HOLD_SECONDS_MAX * 1_000);
  if (expiresAt <= latest) return undefined;
  return { field: 'expiresAt', rule: `must not be more than ${HOLD_SECONDS_MAX} seconds ahead` };
}

/** Looked at after a replay: a hold whose answer was lost may have expired when it is asked for again. */
function tooShort(expiresAt: Instant, now: Instant): FieldError | undefined {
  if (expiresAt >= addMilliseconds(now, HOLD_SECONDS_MIN * 1_000)) return undefined;
  return { field: 'expiresAt', rule: `must be at least ${HOLD_SECONDS_MIN} second ahead` };
}

function creditError(account: ChartEntry, credit: ChartEntry | undefined): FieldError | undefined {
  if (credit === undefined || credit.asset === account.asset) return undefined;
  return { field: 'credit', rule: `must be an account of "${account.asset}", which is what is held` };
}

function derivedBalance(account: string): Answer {
  const rule = 'names an account with a derived balance, of which nothing can be held';
  const detail = `"${account}" has a derived balance: it is summed from transfers, and no item of it says what is available.`;
  return problem('derived-balance', detail, [{ field: 'account', rule }]);
}

function claimsOf({ id: _id, expiresInSeconds, ...said }: HoldBody): HoldClaims {
  const claims = { ...said, ...(expiresInSeconds !== undefined && { expiresInSeconds: BigInt(expiresInSeconds) }) };
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
}

/** The earliest time at which a capture may count: what a hold is for happens after it, by clocks that may differ. */
export function earliestCapture({ createdAt }: Hold): Instant {
  return addMilliseconds(createdAt, -CLOCK_SKEW_MS_MAX);
}
