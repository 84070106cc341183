import { id as idSchema } from '../../contract/schemas/common.ts';
import { ChartChangedError } from '../../domain/accounts.ts';
import { chartEntryOf } from '../../domain/chart.ts';
import { ID_PATTERN } from '../../domain/ids.ts';
import type { Transfer, TransferClaims } from '../../domain/transfers.ts';
import { getTransfer } from '../../store/ledger.ts';
import { getReversals, postReversal } from '../../store/reversals.ts';
import { type Answer, invalid, ok, problem } from '../runtime/answers.ts';
import type { ApiRequest, BodyOf } from '../runtime/pipeline.ts';
import { idempotencyKey, maySee, printable } from '../runtime/requests.ts';
import type { LedgerDeps } from './ledger-deps.ts';
import { ahead, isAhead, post } from './posting.ts';
import { renderTransfer } from './render.ts';

/** Takes back a part of a transfer, or all of it that remains, exactly once. */
export async function reverseTransfer(
  deps: LedgerDeps,
  { body, params, caller, event }: ApiRequest<BodyOf<'reverseTransfer'>>,
): Promise<Answer> {
  const key = idempotencyKey(event, body.id, idSchema);
  if (!key.ok) return key.answer;
  const now = deps.now();
  if (body.effectiveAt !== undefined && isAhead(body.effectiveAt, now)) return ahead('effectiveAt');

  const original = await transferNamed(deps, params.transferId);
  if (original === undefined) return unknownTransfer(params.transferId);
  if (original.corrects !== undefined) return notReversible(original);
  if (body.effectiveAt !== undefined && body.effectiveAt < original.effectiveAt) {
    return invalid([
      { field: 'effectiveAt', rule: `must not be before ${original.effectiveAt}, when the reversed transfer counts` },
    ]);
  }
  const [debitEntry, creditEntry] = [original.credit, original.debit].map((id) => chartEntryOf(deps.chart, id));
  if (debitEntry === undefined || creditEntry === undefined) {
    throw new ChartChangedError(`The chart does not know the accounts of transfer "${original.id}" any more.`);
  }
  const { id: _id, amount, ...rest } = body;
  const terms = { id: key.value, recordedAt: now, ...present(rest) };
  const claims: TransferClaims = {
    corrects: original.id,
    ...(amount !== undefined && { amount }),
    ...present(rest),
  };
  const asked = { kind: 'reversal' as const, id: key.value, debit: original.credit, claims };
  return post(deps, caller, asked, () =>
    postReversal(deps.store, {
      original,
      terms,
      claims,
      debitEntry,
      creditEntry,
      ...(amount !== undefined && { amount }),
    }),
  );
}

/** A transfer, and what was reversed of it. */
export async function getTransferWithReversals(
  deps: LedgerDeps,
  { params, caller }: ApiRequest<undefined>,
): Promise<Answer> {
  const found = await transferNamed(deps, params.transferId);
  if (found === undefined || !(maySee(caller, found.debit) || maySee(caller, found.credit))) {
    return unknownTransfer(params.transferId);
  }
  // A reversal cannot be reversed, so there is nothing to look for.
  if (found.corrects !== undefined) return ok(200, renderTransfer(found));
  return ok(200, renderTransfer(found, await getReversals(deps.store, found)));
}

async function transferNamed(deps: LedgerDeps, id = ''): Promise<Transfer | undefined> {
  return ID_PATTERN.test(id) ? getTransfer(deps.store, id) : undefined;
}

function unknownTransfer(id = ''): Answer {
  return problem('not-found', `There is no transfer "${printable(id)}".`);
}

function notReversible({ id, corrects }: Transfer): Answer {
  const rule = `names a transfer that corrects "${corrects}" itself, and cannot be reversed`;
  const detail = `"${id}" corrects "${corrects}" and cannot be reversed. Post what was meant as a new transfer.`;
  return problem('not-reversible', detail, [{ field: 'transferId', rule }]);
}

function present({ effectiveAt, description }: Pick<BodyOf<'reverseTransfer'>, 'effectiveAt' | 'description'>) {
  return {
    ...(effectiveAt !== undefined && { effectiveAt }),
    ...(description !== undefined && { description }),
  };
}
