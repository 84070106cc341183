import { id as idSchema } from '../../contract/schemas/common.ts';
import { ChartChangedError } from '../../domain/accounts.ts';
import { type ChartEntry, chartEntryOf } from '../../domain/chart.ts';
import { excessOf, expiryOf, type Hold, hasExpired, releaseOf, resolvedRefusal } from '../../domain/holds.ts';
import { type Unpriced, versionName } from '../../domain/rating.ts';
import type { Instant } from '../../domain/time.ts';
import type { Transfer, TransferClaims } from '../../domain/transfers.ts';
import { captureHold, resolveHold } from '../../store/holds.ts';
import { replayOf } from '../../store/ledger.ts';
import { type Answer, invalid, ok, replayed } from '../runtime/answers.ts';
import { logger } from '../runtime/logger.ts';
import { countMetric } from '../runtime/metrics.ts';
import type { ApiRequest, BodyOf } from '../runtime/pipeline.ts';
import { idempotencyKey } from '../runtime/requests.ts';
import { earliestCapture, holdNamed, unknownHold, usageOnly } from './holds.ts';
import type { LedgerDeps } from './ledger-deps.ts';
import { answerOf, refusalAnswer } from './outcomes.ts';
import { ahead, isAhead, post } from './posting.ts';
import { price, revenueEntry, unpriced } from './pricing.ts';
import { renderHold } from './render.ts';

type CaptureBody = BodyOf<'captureHold'>;

/** Takes what was held, whole or in part or what the usage cost, by one transfer. */
export async function capture(
  deps: LedgerDeps,
  { body, params, caller, event }: ApiRequest<CaptureBody>,
): Promise<Answer> {
  const key = idempotencyKey(event, body.id, idSchema);
  if (!key.ok) return key.answer;
  const now = deps.now();
  if (body.effectiveAt !== undefined && isAhead(body.effectiveAt, now)) return ahead('effectiveAt');
  const held = await holdNamed(deps, caller, params.holdId);
  if (held === undefined) return unknownHold(params.holdId);
  const isByAmount = body.amount !== undefined || (body.operation === undefined && held.operation === undefined);
  if (caller.account !== undefined && isByAmount) return usageOnly('capture');
  const wrong = captureError(held, body);
  if (wrong !== undefined) return invalid([wrong]);

  logger.appendKeys({ holdId: held.id });
  const claims = claimsOf(held, body);
  const debitEntry = entryOf(deps, held.account);
  const effectiveAt = body.effectiveAt ?? now;
  const taken = await whatToTake(deps, held, debitEntry, body, effectiveAt);
  const asked = { kind: 'capture' as const, id: key.value, debit: held.account };
  if (taken.kind === 'unpriced') {
    const replay = await replayOf(deps.store, key.value, claims);
    return replay === undefined ? unpriced(taken, 'capture') : answerOf(replay, caller, asked);
  }
  const isCharge = taken.terms.kind === 'charge';
  const transfer: Transfer = {
    ...taken.terms,
    id: key.value,
    debit: held.account,
    asset: held.asset,
    effectiveAt,
    recordedAt: now,
    hold: held.id,
    ...(isCharge && { requestId: body.requestId ?? held.requestId ?? held.id }),
    ...(body.description !== undefined && { description: body.description }),
    ...(isCharge && caller.keyId !== '' && { key: caller.keyId }),
  };
  const { amount } = transfer;
  const told = { ...asked, amount, claims, excess: excessOf(held, amount) };
  const posting = { transfer, claims, debitEntry, creditEntry: taken.creditEntry };
  return post(deps, caller, told, () =>
    captureHold(deps.store, { ...posting, held, overCapture: debitEntry.overCapture, by: caller.keyId }, now),
  );
}

/** Frees all that is held, also of an account that is frozen and while the ledger is paused. */
export async function release(
  deps: LedgerDeps,
  { body, params, caller }: ApiRequest<BodyOf<'releaseHold'>>,
): Promise<Answer> {
  const held = await holdNamed(deps, caller, params.holdId);
  if (held === undefined) return unknownHold(params.holdId);
  const now = deps.now();
  const wanted = hasExpired(held, now) ? expiryOf(held, now) : releaseOf(held, now, caller.keyId, body.reason);
  const { resolution, isNew } = await resolveHold(deps.store, held, wanted);
  if (resolution.kind !== 'released') return refusalAnswer(resolvedRefusal(resolution), { kind: 'capture' });
  if (!isNew) return replayed(renderHold(held, resolution, now));
  countMetric('holds_released');
  return ok(200, renderHold(held, resolution, now));
}

type Terms = Pick<Transfer, 'kind' | 'credit' | 'amount'> &
  Partial<Pick<Transfer, 'operation' | 'quantities' | 'rateCard'>>;

/**
 * What a capture takes. By usage it is a charge like any other; by amount, or all of what was held, it is a charge where
 * the hold was for usage, so that a reconciliation holds it against the evidence, and a mere transfer where it was not.
 */
async function whatToTake(
  deps: LedgerDeps,
  held: Hold,
  debitEntry: ChartEntry,
  { amount, operation, quantities = {} }: CaptureBody,
  at: Instant,
): Promise<{ readonly kind: 'known'; readonly terms: Terms; readonly creditEntry: ChartEntry } | Unpriced> {
  if (operation !== undefined) {
    const rating = await price(deps, debitEntry, { account: held.account, operation, quantities, at });
    if (rating.kind === 'unpriced') return rating;
    const { card } = rating;
    const used = { kind: 'charge' as const, operation, quantities, rateCard: versionName(card) };
    const terms: Terms = { ...used, credit: card.revenueAccount, amount: rating.amount };
    return { kind: 'known', terms, creditEntry: revenueEntry(deps, card, debitEntry) };
  }
  const estimate = amount === undefined ? { quantities: held.quantities, rateCard: held.rateCard } : {};
  const terms: Terms = {
    kind: held.operation === undefined ? 'transfer' : 'charge',
    credit: held.credit,
    amount: amount ?? held.amount,
    ...(held.operation !== undefined && { operation: held.operation }),
    ...(estimate.quantities !== undefined && { quantities: estimate.quantities }),
    ...(estimate.rateCard !== undefined && { rateCard: estimate.rateCard }),
  };
  return { kind: 'known', terms, creditEntry: entryOf(deps, held.credit) };
}

function captureError(held: Hold, { effectiveAt, operation, requestId }: CaptureBody) {
  const earliest = earliestCapture(held);
  if (effectiveAt !== undefined && effectiveAt < earliest) {
    return { field: 'effectiveAt', rule: `must not be before ${earliest}: what a hold is for happens after it` };
  }
  if (requestId === undefined || operation !== undefined || held.operation !== undefined) return undefined;
  return { field: 'requestId', rule: 'must be left out: this hold is for no usage, and its capture is no charge' };
}

/** @throws ChartChangedError */
function entryOf({ chart }: LedgerDeps, account: string): ChartEntry {
  const entry = chartEntryOf(chart, account);
  if (entry !== undefined) return entry;
  throw new ChartChangedError(`The chart does not know ${account} any more, of which there is a hold.`);
}

function claimsOf(held: Hold, { id: _id, ...said }: CaptureBody): TransferClaims {
  const told = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
  return { hold: held.id, ...told };
}
