import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { changeOf, type MergedMovement } from '../domain/movements.ts';
import { grantsUpdate } from './grants.ts';
import { toItem } from './items.ts';

/** The counters of a balance, and how each is written: `held` is there from the first hold on. */
const COUNTERS = {
  credits: 'credits = credits + :credits',
  debits: 'debits = debits + :debits',
  held: 'held = if_not_exists(held, :zero) + :held, holdChanges = if_not_exists(holdChanges, :zero) + :one',
} as const;

/** Moves a strict balance, if the account exists, is open, has this asset, was open on that day and has enough. */
export function balanceUpdate(table: string, pk: string, movement: MergedMovement): TransactWriteItem {
  const { asset, day, credits, debits, held, needed, onlyFrees, plan } = movement;
  const grants = plan && grantsUpdate(plan);
  const set = [
    ...moving(movement).map((name) => COUNTERS[name]),
    'available = available + :change',
    ...(grants?.set ?? []),
  ];
  const remove = grants?.remove.length ? ` REMOVE ${grants.remove.join(', ')}` : '';
  const names = { ...(!onlyFrees && { '#status': 'status' }), ...grants?.names };
  return {
    Update: {
      TableName: table,
      Key: toItem({ pk }),
      UpdateExpression: `SET ${set.join(', ')}${remove}`,
      ConditionExpression: [
        'asset = :asset',
        ...(onlyFrees ? [] : ['#status = :open', 'openedOn <= :day']),
        ...(needed > 0n ? ['available >= :needed'] : []),
        ...(grants?.conditions ?? []),
      ].join(' AND '),
      ...(Object.keys(names).length > 0 && { ExpressionAttributeNames: names }),
      ExpressionAttributeValues: toItem({
        ':asset': asset,
        ':change': changeOf(movement),
        ':credits': credits === 0n ? undefined : credits,
        ':debits': debits === 0n ? undefined : debits,
        ':held': held === 0n ? undefined : held,
        ...(held !== 0n && { ':zero': 0n, ':one': 1n }),
        ':needed': needed > 0n ? needed : undefined,
        ...(!onlyFrees && { ':open': 'open', ':day': day }),
        ...grants?.values,
      }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  };
}

function moving(movement: MergedMovement): (keyof typeof COUNTERS)[] {
  return (['credits', 'debits', 'held'] as const).filter((name) => movement[name] !== 0n);
}
