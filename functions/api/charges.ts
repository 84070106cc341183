import { id as idSchema } from '../../contract/schemas/common.ts';
import { ChartChangedError } from '../../domain/accounts.ts';
import { type ChartEntry, chartEntryOf } from '../../domain/chart.ts';
import { type RateCard, type Rating, rate, type Usage } from '../../domain/rating.ts';
import type { TransferClaims } from '../../domain/transfers.ts';
import { replayOf } from '../../store/ledger.ts';
import { type Answer, problem } from '../runtime/answers.ts';
import { countMetric } from '../runtime/metrics.ts';
import type { ApiRequest, BodyOf } from '../runtime/pipeline.ts';
import { idempotencyKey, maySee } from '../runtime/requests.ts';
import { entryOf } from './chart-entries.ts';
import type { LedgerDeps } from './ledger-deps.ts';
import { answerOf, fieldOf, unknownAccount } from './outcomes.ts';
import { ahead, isAhead, postTransferOnce } from './posting.ts';

/** Prices usage by the rate card in force when it happened, and posts the charge once. */
export async function charge(
  deps: LedgerDeps,
  { body, caller, event }: ApiRequest<BodyOf<'postCharge'>>,
): Promise<Answer> {
  const key = idempotencyKey(event, body.id, idSchema);
  if (!key.ok) return key.answer;
  const account = entryOf(deps.chart, 'account', body.account);
  if (!account.ok) return account.answer;
  if (!maySee(caller, body.account)) return unknownAccount(body.account);

  const now = deps.now();
  const effectiveAt = body.effectiveAt ?? now;
  if (isAhead(effectiveAt, now)) return ahead('effectiveAt');
  const requestId = body.requestId ?? key.value;
  const usage = { account: body.account, operation: body.operation, quantities: body.quantities, at: effectiveAt };
  const claims: TransferClaims = {
    kind: 'charge',
    debit: body.account,
    operation: body.operation,
    quantities: body.quantities,
    ...(body.requestId !== undefined && { requestId }),
    ...(body.effectiveAt !== undefined && { effectiveAt }),
  };

  const rating = await price(deps, account.entry, usage);
  if (rating.kind === 'unpriced') {
    const replay = await replayOf(deps.store, key.value, claims);
    return replay === undefined ? unpriced(rating) : answerOf(replay, caller, { kind: 'charge' });
  }
  const { card, amount } = rating;
  return postTransferOnce(deps, caller, {
    transfer: {
      id: key.value,
      kind: 'charge',
      debit: body.account,
      credit: card.revenueAccount,
      asset: card.asset,
      amount,
      effectiveAt,
      recordedAt: now,
      requestId,
      operation: body.operation,
      quantities: body.quantities,
      rateCard: `${card.name}@${card.effectiveFrom}`,
      ...(caller.keyId !== '' && { key: caller.keyId }),
    },
    claims,
    debitEntry: account.entry,
    creditEntry: revenueEntry(deps, card, account.entry),
  });
}

/** The price by the rate card in force. It may have been published a moment ago: nothing is refused on old knowledge. */
async function price(deps: LedgerDeps, { rateCard }: ChartEntry, usage: Usage): Promise<Rating> {
  const rating = rate((await deps.settings.get()).rateCards, rateCard, usage);
  return rating.kind === 'priced' ? rating : rate((await deps.settings.refresh()).rateCards, rateCard, usage);
}

function revenueEntry({ chart }: LedgerDeps, card: RateCard, charged: ChartEntry): ChartEntry {
  const revenue = chartEntryOf(chart, card.revenueAccount);
  if (revenue !== undefined && card.asset === charged.asset) return revenue;
  throw new ChartChangedError(`The chart changed under rate card "${card.name}" of ${card.effectiveFrom}.`);
}

/** A refusal that is decided before the write, and only told when the id is not a replay. */
function unpriced({ field, rule }: Extract<Rating, { kind: 'unpriced' }>): Answer {
  countMetric('transfers_refused');
  return problem('unpriced', `Nothing was charged: ${rule}.`, [{ field: fieldOf('charge', field), rule }]);
}
