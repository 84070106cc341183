import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import type { ChartEntry } from '../domain/chart.ts';
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
import { type Item, integer, MalformedItemError, toItem } from './items.ts';
import { postTransfer, replayOf } from './ledger.ts';
import type { Guard, LedgerStore, LedgerTable } from './posting.ts';
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
  const { original, terms, claims, debitEntry, creditEntry } = posting;
  let known = await getReversals(store, original);
  for (;;) {
    const amount = posting.amount ?? known.remaining;
    const refusal = reversalRefusal(known, amount);
    // What remains never grows, so this refusal stands; but the reversal that used it up may be this very one.
    if (refusal !== undefined) return (await replayOf(store, terms.id, claims)) ?? refusal;
    const transfer = reversalOf(original, { ...terms, amount });
    const guard = remainderGuard(store, original, transfer);
    const result = await postTransfer(store, { transfer, claims, debitEntry, creditEntry, guard });
    if (result.kind !== 'over-reversed' || posting.amount !== undefined) return result;
    // Another reversal came between: all that remains is less by now, and is asked for again.
    known = { ...known, remaining: result.remaining };
  }
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

/** `remaining` is stored because a condition expression cannot subtract. */
function remainderGuard(store: LedgerStore, original: Transfer, reversal: Transfer): Guard {
  const pk = reversedKey(original.id);
  return {
    pk,
    write: {
      Update: {
        TableName: store.ledgerTable,
        Key: toItem({ pk }),
        UpdateExpression:
          'SET remaining = if_not_exists(remaining, :original) - :amount, ids = list_append(if_not_exists(ids, :none), :id)',
        ConditionExpression: 'attribute_not_exists(pk) OR (remaining >= :amount AND size(ids) < :max)',
        ExpressionAttributeValues: toItem({
          ':original': original.amount,
          ':amount': reversal.amount,
          ':none': [],
          ':id': [reversal.id],
          ':max': BigInt(REVERSALS_MAX),
        }),
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    },
    refusalOf: (item) => reversalRefusal(reversalsFromItem(item), reversal.amount),
  };
}

function reversalsFromItem(item: Item): Reversals {
  const ids = item.ids?.L?.map(({ S }) => S ?? '');
  if (ids === undefined) throw new MalformedItemError(`The item has no list in "ids": ${item.pk?.S}.`);
  return { remaining: integer(item, 'remaining'), ids };
}
