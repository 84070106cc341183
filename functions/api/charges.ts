import { id as idSchema } from '../../contract/schemas/common.ts';
import { versionName } from '../../domain/rating.ts';
import type { TransferClaims } from '../../domain/transfers.ts';
import type { Posting } from '../../store/posting.ts';
import type { Answer } from '../runtime/answers.ts';
import type { ApiRequest, BodyOf } from '../runtime/pipeline.ts';
import { type Caller, idempotencyKey, maySee } from '../runtime/requests.ts';
import { entryOf } from './chart-entries.ts';
import type { LedgerDeps, PostingDeps } from './ledger-deps.ts';
import { unknownAccount } from './outcomes.ts';
import { ahead, isAhead, type Prepared, postPrepared, type Times, timesOf } from './posting.ts';
import { price, revenueEntry, unpriced } from './pricing.ts';

/** Prices usage by the rate card in force when it happened, and posts the charge once. */
export async function charge(
  deps: LedgerDeps,
  { body, caller, event }: ApiRequest<BodyOf<'postCharge'>>,
): Promise<Answer> {
  const key = idempotencyKey(event, body.id, idSchema);
  if (!key.ok) return key.answer;
  return postPrepared(deps, caller, await prepareCharge(deps, caller, { ...body, id: key.value }, timesOf(deps)));
}

/** What is asked to be charged, under which id. */
export type ChargeRequest = BodyOf<'postCharge'> & { readonly id: string };

/** The transfer that a charge comes to by the rate card. */
export async function prepareCharge(
  deps: PostingDeps,
  caller: Caller,
  { id, account, operation, quantities, ...body }: ChargeRequest,
  { acceptedAt, now }: Times,
): Promise<Prepared> {
  const charged = entryOf(deps.chart, 'account', account);
  if (!charged.ok) return { kind: 'answered', answer: charged.answer };
  if (!maySee(caller, account)) return { kind: 'answered', answer: unknownAccount(account) };

  const effectiveAt = body.effectiveAt ?? acceptedAt;
  if (isAhead(effectiveAt, acceptedAt)) return { kind: 'answered', answer: ahead('effectiveAt') };
  const requestId = body.requestId ?? id;
  const claims: TransferClaims = {
    kind: 'charge',
    debit: account,
    operation,
    quantities,
    ...(body.requestId !== undefined && { requestId }),
    ...(body.effectiveAt !== undefined && { effectiveAt }),
  };

  const rating = await price(deps, charged.entry, { account, operation, quantities, at: effectiveAt });
  if (rating.kind === 'unpriced') {
    return { kind: 'refused', id, asked: { kind: 'charge' }, claims, refuse: () => unpriced(rating, 'charge') };
  }
  const { card, amount } = rating;
  const posting: Posting = {
    transfer: {
      id,
      kind: 'charge',
      debit: account,
      credit: card.revenueAccount,
      asset: card.asset,
      amount,
      effectiveAt,
      recordedAt: now,
      requestId,
      operation,
      quantities,
      rateCard: versionName(card),
      ...(caller.keyId !== '' && { key: caller.keyId }),
    },
    claims,
    debitEntry: charged.entry,
    creditEntry: revenueEntry(deps, card, charged.entry),
  };
  return { kind: 'posting', posting };
}
