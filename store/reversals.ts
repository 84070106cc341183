import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import type { ChartEntry } from '../domain/chart.ts';
import { type Grant, isExpired, sumOf, unwind } from '../domain/grants.ts';
import { addMilliseconds } from '../domain/time.ts';
import {
  REVERSALS_MAX,
  type Reversals,
  type ReversalTerms,
  reversalOf,
  reversalRefusal,
  type Transfer,
  type TransferClaims,
  type TransferResult,
} from '../domain/transfers.ts';
import { lookAgainItems } from './grants.ts';
import { type Item, integer, MalformedItemError, toItem } from './items.ts';
import { getTransfer, postTransfer, replayOf } from './ledger.ts';
import type { Guard, LedgerStore, LedgerTable, Posting } from './posting.ts';
import { retryTransient } from './retry.ts';
import { reversedKey } from './tables.ts';

/** A reversal to post: of what, on which terms, and what the two accounts are to it. */
export interface ReversalPosting {
  readonly original: Transfer;
  readonly terms: Omit<ReversalTerms, 'amount'>;
  /** Minor units; left out, all that remains. */
  readonly amount?: bigint;
  readonly claims: TransferClaims;
  readonly debitEntry: ChartEntry;
  readonly creditEntry: ChartEntry;
}

/**
 * Posts a reversal exactly once. What remains of the original is an item of the same transaction, so that no number of
 * concurrent reversals takes back more than was moved.
 * @throws StoreUnavailableError when conflicts or faults last until the deadline.
 */
export async function postReversal(store: LedgerStore, posting: ReversalPosting): Promise<TransferResult> {
  const { original, terms, claims } = posting;
  let known = await getReversals(store, original);
  for (;;) {
    const amount = posting.amount ?? known.remaining;
    const refusal = reversalRefusal(known, amount);
    // What remains never grows, so this refusal stands; but the reversal that used it up may be this very one.
    if (refusal !== undefined) return (await replayOf(store, terms.id, claims)) ?? refusal;
    const result = await postTransfer(store, await postingOf(store, { ...posting, amount }, known));
    if (result.kind !== 'over-reversed') return result;
    // Another reversal came between: less remains by now, and what is put back of grants is another part.
    known = { ...known, remaining: result.remaining };
    if (posting.amount !== undefined && reversalRefusal(known, amount) !== undefined) return result;
  }
}

/**
 * A reversal as the ledger posts it, alone or in a group with other transfers.
 * @param known what was reversed of the original before. If that has moved when it is posted, it is refused.
 */
export async function postingOf(
  store: LedgerStore,
  posting: ReversalPosting & { readonly amount: bigint },
  known: Reversals,
): Promise<Posting> {
  const { original, terms, amount, claims, debitEntry, creditEntry } = posting;
  const back = await putBack(store, original, known, amount);
  const restored = back.map(({ id, remaining }) => ({ grant: id, amount: remaining }));
  const transfer = { ...reversalOf(original, { ...terms, amount }), ...(restored.length > 0 && { restored }) };
  return {
    ...{ transfer, claims, debitEntry, creditEntry },
    guard: remainderGuard(store, original, transfer, known),
    effects: {
      ...(original.grant !== undefined && { debit: { kind: 'taken-back', grant: original.id } }),
      ...(back.length > 0 && { credit: { kind: 'put-back', grants: back } }),
    },
    puts: lookAgainItems(back, original.debit, terms.recordedAt),
  };
}

/**
 * Lets transfers that are posted all or none with reversals burn what those before them put back, although it has expired
 * since. So whatever moves a charge, or brings it to another amount, takes no paid money for what came out of grants.
 * @param postings in the order in which they are made.
 */
export function burningRestored(postings: readonly Posting[]): Posting[] {
  const restored = new Map<string, { readonly grants: Grant[]; burned: bigint }>();
  return postings.map((posting) => {
    const { transfer, effects = {} } = posting;
    if (effects.credit?.kind === 'put-back') {
      const before = restored.get(transfer.credit) ?? { grants: [], burned: 0n };
      restored.set(transfer.credit, { ...before, grants: [...before.grants, ...effects.credit.grants] });
    }
    const back = restored.get(transfer.debit);
    const expired = back?.grants.filter((grant) => isExpired(grant, transfer.recordedAt)) ?? [];
    const reserved = [transfer.amount, sumOf(expired) - (back?.burned ?? 0n)].reduce((a, b) => (a < b ? a : b));
    if (back === undefined || effects.debit !== undefined || reserved <= 0n) return posting;
    back.burned += reserved;
    // The last moment at which all of these were valid: what they were burned by may itself have been a correction.
    const firstExpiry = expired.map(({ expiresAt = '' }) => expiresAt).reduce((a, b) => (a < b ? a : b));
    const at = addMilliseconds(firstExpiry, -1);
    return { ...posting, effects: { ...effects, debit: { kind: 'valid-at', at, reserved } } };
  });
}

/** What a reversal puts back into the grants that its original burned, on the terms of their granting. */
async function putBack(store: LedgerStore, original: Transfer, known: Reversals, amount: bigint): Promise<Grant[]> {
  const { burned = [] } = original;
  const shares = unwind({ amount: original.amount, burned }, original.amount - known.remaining, amount);
  return Promise.all(
    shares.map(async (share) => {
      const granted = await getTransfer(store, share.grant);
      if (granted?.grant === undefined) throw new MalformedItemError(`There is no grant "${share.grant}".`);
      return { ...granted.grant, id: share.grant, remaining: share.amount, at: granted.recordedAt };
    }),
  );
}

/** What was reversed of a transfer; all of it remains when nothing was. */
export async function getReversals(store: LedgerTable, original: Pick<Transfer, 'id' | 'amount'>): Promise<Reversals> {
  const command = new GetItemCommand({
    TableName: store.ledgerTable,
    Key: toItem({ pk: reversedKey(original.id) }),
    ConsistentRead: true,
  });
  const answer = await retryTransient(() => store.client.send(command), store.clock);
  return answer.Item === undefined ? { remaining: original.amount, ids: [] } : reversalsFromItem(answer.Item);
}

/**
 * `remaining` is stored because a condition expression cannot subtract. Where the original burned grants it must be just
 * what was known: which part a reversal puts back depends on what was put back before.
 */
function remainderGuard(store: LedgerStore, original: Transfer, reversal: Transfer, known: Reversals): Guard {
  const pk = reversedKey(original.id);
  const isExact = original.burned !== undefined;
  const isFirst = known.remaining === original.amount;
  const remains = isExact ? 'remaining = :known' : 'remaining >= :amount';
  return {
    pk,
    write: {
      Update: {
        TableName: store.ledgerTable,
        Key: toItem({ pk }),
        UpdateExpression:
          'SET remaining = if_not_exists(remaining, :original) - :amount, ids = list_append(if_not_exists(ids, :none), :id)',
        ConditionExpression:
          isExact && isFirst
            ? 'attribute_not_exists(pk)'
            : `${isExact ? '' : 'attribute_not_exists(pk) OR '}(${remains} AND size(ids) < :max)`,
        ExpressionAttributeValues: toItem({
          ...(isExact && !isFirst && { ':known': known.remaining }),
          ':original': original.amount,
          ':amount': reversal.amount,
          ':none': [],
          ':id': [reversal.id],
          ...(!(isExact && isFirst) && { ':max': BigInt(REVERSALS_MAX) }),
        }),
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    },
    refusalOf: (item) => {
      const reversals = reversalsFromItem(item);
      const refusal = reversalRefusal(reversals, reversal.amount);
      return refusal ?? (isExact ? { kind: 'over-reversed', remaining: reversals.remaining } : undefined);
    },
  };
}

function reversalsFromItem(item: Item): Reversals {
  const ids = item.ids?.L?.map(({ S }) => S ?? '');
  if (ids === undefined) throw new MalformedItemError(`The item has no list in "ids": ${item.pk?.S}.`);
  return { remaining: integer(item, 'remaining'), ids };
}
