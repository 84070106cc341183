import { type DynamoDBClient, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { isLate } from '../domain/seals/slices.ts';
import { type Day, dayOf, type Instant } from '../domain/time.ts';
import type { Transfer } from '../domain/transfers.ts';
import { type Item, text, toItem } from './items.ts';
import type { LedgerTable } from './posting.ts';
import { type RetryClock, retryTransient } from './retry.ts';
import { BY_CREDIT, LATE_DAYS_PARTITION, lateDayKey } from './tables.ts';

/** A day for which something was recorded when the daily seal no longer came to it by itself. */
export interface LateDay {
  readonly day: Day;
  /** When the latest of it was recorded, give or take what was on its way at the same time. */
  readonly recordedAt: Instant;
}

/**
 * Notes the days of transfers that come so late that the daily seal must be told of them. Written before the transfers, by
 * itself and whatever is noted already: a note too many seals a day once more, one too few would leave it unsealed. In the
 * transaction it would make all who post for one day wait for each other. Transfers of the last week cost nothing.
 * @throws StoreUnavailableError when the table cannot be reached until the deadline.
 */
export async function noteLateDays(
  store: LedgerTable,
  transfers: readonly Pick<Transfer, 'effectiveAt' | 'recordedAt'>[],
): Promise<void> {
  const latest = new Map<Day, Instant>();
  for (const { effectiveAt, recordedAt } of transfers) {
    const day = dayOf(effectiveAt);
    if (isLate(day, dayOf(recordedAt)) && recordedAt > (latest.get(day) ?? '')) latest.set(day, recordedAt);
  }
  const puts = [...latest].map(([day, recordedAt]) => {
    const place = { creditDay: LATE_DAYS_PARTITION, creditAt: day };
    const item = toItem({ pk: lateDayKey(day), day, recordedAt, ...place });
    const command = new PutItemCommand({ TableName: store.ledgerTable, Item: item });
    return retryTransient(() => store.client.send(command), store.clock);
  });
  await Promise.all(puts);
}

/** The ledger for those who look for late days in it. */
export interface LateDaysStore {
  readonly client: DynamoDBClient;
  readonly ledgerTable: string;
  readonly clock?: RetryClock;
}

/** All days that were ever noted, in their order: at most one item for each day of the ledger. */
export async function readLateDays(store: LateDaysStore): Promise<LateDay[]> {
  const days: LateDay[] = [];
  let next: Item | undefined;
  do {
    const command: QueryCommand = new QueryCommand({
      TableName: store.ledgerTable,
      IndexName: BY_CREDIT,
      KeyConditionExpression: 'creditDay = :late',
      ExpressionAttributeValues: toItem({ ':late': LATE_DAYS_PARTITION }),
      ExclusiveStartKey: next,
    });
    const { Items = [], LastEvaluatedKey } = await retryTransient(() => store.client.send(command), store.clock);
    days.push(...Items.map((item) => ({ day: text(item, 'day'), recordedAt: text(item, 'recordedAt') })));
    next = LastEvaluatedKey;
  } while (next !== undefined);
  return days;
}
