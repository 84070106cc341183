import { ConditionalCheckFailedException, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { Account } from '../domain/accounts.ts';
import type { StoredBalance } from '../domain/repairs/rebalance.ts';
import type { RebalanceStep } from '../domain/repairs/steps.ts';
import { accountFromItem } from './accounts.ts';
import { optionalText, toItem } from './items.ts';
import type { LedgerTable } from './posting.ts';
import { retryTransient } from './retry.ts';
import { accountKey } from './tables.ts';

/** A strict balance with the step and the repair that set it last, if any did. */
export interface KeptBalance extends StoredBalance {
  readonly account: Account;
  readonly rebalancedIn?: string;
}

/** @returns undefined when the account does not exist or keeps no balance. */
export async function getBalance(store: LedgerTable, account: string): Promise<KeptBalance | undefined> {
  const command = new GetItemCommand({
    TableName: store.ledgerTable,
    Key: toItem({ pk: accountKey(account) }),
    ConsistentRead: true,
  });
  const { Item: item } = await retryTransient(() => store.client.send(command), store.clock);
  if (item === undefined) return undefined;
  const known = accountFromItem(item);
  if (known.figures === undefined) return undefined;
  const [rebalancedBy, rebalancedIn] = [optionalText(item, 'rebalancedBy'), optionalText(item, 'rebalancedIn')];
  return {
    account: known,
    figures: known.figures,
    ...(rebalancedBy !== undefined && { rebalancedBy }),
    ...(rebalancedIn !== undefined && { rebalancedIn }),
  };
}

/**
 * Sets a balance to what its transfers come to, if it is still exactly what the step was planned from. No transfer is
 * written: the figures of an account are derived from them.
 */
export async function setBalance(store: LedgerTable, step: RebalanceStep, repairId: string): Promise<'set' | 'moved'> {
  const { from, to, account, id } = step;
  const isHeld = from.held !== 0n || from.holdChanges !== undefined || to.held !== 0n;
  const held = from.held === 0n ? '(attribute_not_exists(held) OR held = :fromHeld)' : 'held = :fromHeld';
  const changes = from.holdChanges === undefined ? 'attribute_not_exists(holdChanges)' : 'holdChanges = :holdChanges';
  const command = new UpdateItemCommand({
    TableName: store.ledgerTable,
    Key: toItem({ pk: accountKey(account) }),
    UpdateExpression: `SET credits = :credits, debits = :debits, available = :available${isHeld ? ', held = :held' : ''}, rebalancedBy = :step, rebalancedIn = :repair`,
    ConditionExpression: `credits = :fromCredits AND debits = :fromDebits AND available = :fromAvailable AND ${held} AND ${changes}`,
    ExpressionAttributeValues: toItem({
      ':credits': to.credits,
      ':debits': to.debits,
      ':available': to.available,
      ...(isHeld && { ':held': to.held }),
      ':fromCredits': from.credits,
      ':fromDebits': from.debits,
      ':fromAvailable': from.available,
      ':fromHeld': from.held,
      ':holdChanges': from.holdChanges,
      ':step': id,
      ':repair': repairId,
    }),
  });
  try {
    await retryTransient(() => store.client.send(command), store.clock);
    return 'set';
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return 'moved';
    throw error;
  }
}
