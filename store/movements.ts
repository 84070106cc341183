import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { changeOf, type MergedMovement } from '../domain/movements.ts';
import { toItem } from './items.ts';

/** The counters of a balance, and how each is written: `held` is there from the first hold on. */
const COUNTERS = {
  credits: 'credits = credits + :credits',
  debits: 'debits = debits + :debits',
  held: 'held = if_not_exists(held, :zero) + :held',
} as const;

/** Moves a strict balance, if the account exists, is open, has this asset, was open on that day and has enough. */
export function balanceUpdate(table: string, pk: string, movement: MergedMovement): TransactWriteItem {
  const { asset, day, credits, debits, held, needed, onlyFrees } = movement;
  const moving = (['credits', 'debits', 'held'] as const).filter((name) => movement[name] !== 0n);
  return {
    Update: {
      TableName: table,
      Key: toItem({ pk }),
      UpdateExpression: `SET ${[...moving.map((name) => COUNTERS[name]), 'available = available + :change'].join(', ')}`,
      ConditionExpression: [
        'asset = :asset',
        ...(onlyFrees ? [] : ['#status = :open', 'openedOn <= :day']),
        ...(needed > 0n ? ['available >= :needed'] : []),
      ].join(' AND '),
      ...(!onlyFrees && { ExpressionAttributeNames: { '#status': 'status' } }),
      ExpressionAttributeValues: toItem({
        ':asset': asset,
        ':change': changeOf(movement),
        ':credits': credits === 0n ? undefined : credits,
        ':debits': debits === 0n ? undefined : debits,
        ':held': held === 0n ? undefined : held,
        ':zero': held === 0n ? undefined : 0n,
        ':needed': needed > 0n ? needed : undefined,
        ...(!onlyFrees && { ':open': 'open', ':day': day }),
      }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  };
}
