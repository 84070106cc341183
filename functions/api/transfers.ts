import { id as idSchema } from '../../contract/schemas/common.ts';
import type { Posting } from '../../store/posting.ts';
import { type Answer, invalid } from '../runtime/answers.ts';
import type { ApiRequest, BodyOf } from '../runtime/pipeline.ts';
import { idempotencyKey } from '../runtime/requests.ts';
import { assetError, entryOf } from './chart-entries.ts';
import type { LedgerDeps, PostingDeps } from './ledger-deps.ts';
import { ahead, isAhead, type Prepared, postPrepared, type Times, timesOf } from './posting.ts';

/** Moves an amount between two accounts of one asset, once. */
export async function transfer(
  deps: LedgerDeps,
  { body, caller, event }: ApiRequest<BodyOf<'postTransfer'>>,
): Promise<Answer> {
  const key = idempotencyKey(event, body.id, idSchema);
  if (!key.ok) return key.answer;
  return postPrepared(deps, caller, prepareTransfer(deps, { ...body, id: key.value }, timesOf(deps)));
}

/** What is asked to be moved, under which id. */
export type TransferRequest = BodyOf<'postTransfer'> & { readonly id: string };

/** The transfer that is asked for, checked against the chart. */
export function prepareTransfer(
  deps: Pick<PostingDeps, 'chart'>,
  body: TransferRequest,
  { acceptedAt, now }: Times,
): Prepared {
  const debit = entryOf(deps.chart, 'debit', body.debit);
  if (!debit.ok) return { kind: 'answered', answer: debit.answer };
  const credit = entryOf(deps.chart, 'credit', body.credit);
  if (!credit.ok) return { kind: 'answered', answer: credit.answer };
  const wrongAsset = assetError('debit', body.asset, debit.entry) ?? assetError('credit', body.asset, credit.entry);
  if (wrongAsset !== undefined) return { kind: 'answered', answer: invalid([wrongAsset]) };

  const effectiveAt = body.effectiveAt ?? acceptedAt;
  if (isAhead(effectiveAt, acceptedAt)) return { kind: 'answered', answer: ahead('effectiveAt') };
  const said = {
    kind: 'transfer' as const,
    debit: body.debit,
    credit: body.credit,
    asset: body.asset,
    amount: body.amount,
    ...(body.description !== undefined && { description: body.description }),
  };
  const posting: Posting = {
    transfer: { ...said, id: body.id, effectiveAt, recordedAt: now },
    claims: { ...said, ...(body.effectiveAt !== undefined && { effectiveAt }) },
    debitEntry: debit.entry,
    creditEntry: credit.entry,
  };
  return { kind: 'posting', posting };
}
