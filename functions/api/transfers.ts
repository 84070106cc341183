import { id as idSchema } from '../../contract/schemas/common.ts';
import { type Answer, invalid } from '../runtime/answers.ts';
import type { ApiRequest, BodyOf } from '../runtime/pipeline.ts';
import { idempotencyKey } from '../runtime/requests.ts';
import { assetError, entryOf } from './chart-entries.ts';
import type { LedgerDeps } from './ledger-deps.ts';
import { ahead, isAhead, postTransferOnce } from './posting.ts';

/** Moves an amount between two accounts of one asset, once. */
export async function transfer(
  deps: LedgerDeps,
  { body, caller, event }: ApiRequest<BodyOf<'postTransfer'>>,
): Promise<Answer> {
  const key = idempotencyKey(event, body.id, idSchema);
  if (!key.ok) return key.answer;
  const debit = entryOf(deps.chart, 'debit', body.debit);
  if (!debit.ok) return debit.answer;
  const credit = entryOf(deps.chart, 'credit', body.credit);
  if (!credit.ok) return credit.answer;
  const wrongAsset = assetError('debit', body.asset, debit.entry) ?? assetError('credit', body.asset, credit.entry);
  if (wrongAsset !== undefined) return invalid([wrongAsset]);

  const now = deps.now();
  const effectiveAt = body.effectiveAt ?? now;
  if (isAhead(effectiveAt, now)) return ahead('effectiveAt');
  const said = {
    kind: 'transfer' as const,
    debit: body.debit,
    credit: body.credit,
    asset: body.asset,
    amount: body.amount,
    ...(body.description !== undefined && { description: body.description }),
  };
  return postTransferOnce(deps, caller, {
    transfer: { ...said, id: key.value, effectiveAt, recordedAt: now },
    claims: { ...said, ...(body.effectiveAt !== undefined && { effectiveAt }) },
    debitEntry: debit.entry,
    creditEntry: credit.entry,
  });
}
