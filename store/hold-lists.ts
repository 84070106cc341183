import { QueryCommand, type QueryCommandInput } from '@aws-sdk/client-dynamodb';
import type { Hold } from '../domain/holds.ts';
import { inOrder } from '../domain/reconciliation/in-order.ts';
import { mergePages } from '../domain/reconciliation/merge.ts';
import type { Pages } from '../domain/reconciliation/rows.ts';
import { type Day, dayOf, daysOf, type Instant } from '../domain/time.ts';
import { getResolutions, holdFromItem } from './holds.ts';
import { type Item, text, toItem } from './items.ts';
import type { LedgerTable } from './posting.ts';
import { retryTransient } from './retry.ts';
import { BY_CREDIT, BY_DEBIT, expiryPartitions, holdsPartition } from './tables.ts';

/**
 * What expires, in order of time, read from the ledger's indexes. An index follows its table within moments and not at
 * once (AWS), so what was asked for just now may be missing.
 */

/** Something that expires: a hold, or another record of the ledger. */
export interface Expiring {
  /** `<expiry>#<id>` */
  readonly key: string;
  readonly pk: string;
  readonly item: Item;
}

/** A hold, and where it stands in the order of expiry. */
export interface ListedHold {
  readonly key: string;
  readonly hold: Hold;
}

/** A part of a day: from a moment on, until another one; both inclusive, and the whole day where they are left out. */
export interface Moments {
  /** A moment, or the key of something that expires. */
  readonly from?: string | undefined;
  readonly until?: Instant | undefined;
}

/** Items of a page of one partition: 16 of them are read side by side, at half a kilobyte an item. */
const PAGE_ITEMS = 200;

/** Whatever expires on a day, merged over all partitions in order of time. Can be read once. */
export function readExpiring(store: LedgerTable, day: Day, moments: Moments = {}): Pages<Expiring> {
  const side = { index: BY_CREDIT, day: 'creditDay', at: 'creditAt' } as const;
  return mergePages(expiryPartitions(day).map((partition) => readPartition(store, side, partition, moments)));
}

/** An account's holds that expire on a day, in order of time. Can be read once. */
export async function* readHolds(
  store: LedgerTable,
  account: string,
  day: Day,
  moments: Moments = {},
): AsyncGenerator<ListedHold[]> {
  const side = { index: BY_DEBIT, day: 'debitDay', at: 'debitAt' } as const;
  for await (const page of readPartition(store, side, holdsPartition(account, day), moments)) {
    yield page.map(({ key, item }) => ({ key, hold: holdFromItem(item) }));
  }
}

/** Whether something that expires is a hold. */
export function isHold({ pk }: Expiring): boolean {
  return pk.startsWith('hold#');
}

/** Rows as they come, so many at a time: pages that were merged may be as short as one row, or as long as all of them. */
export async function* inBatches<Row>(pages: Pages<Row>, rows: number): AsyncGenerator<Row[]> {
  let batch: Row[] = [];
  for await (const page of pages) {
    for (const row of page) {
      if (batch.push(row) < rows) continue;
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

/** Days of one account read at once: all that open holds can be in. */
const DAYS_AT_ONCE = 9;

/**
 * What an account's holds that have not ended come to, in minor units. Those that have expired and were not swept still
 * reserve what they held, and count.
 * @param from the expiry of the earliest that may not have ended.
 * @param last the last day on which any can expire.
 */
export async function sumUnresolved(store: LedgerTable, account: string, from: Instant, last: Day): Promise<bigint> {
  const days = [...daysOf({ start: dayOf(from), end: last }), last];
  const sums = inOrder(days, DAYS_AT_ONCE, async (day) => {
    let sum = 0n;
    for await (const page of readHolds(store, account, day, { from: day === dayOf(from) ? from : undefined })) {
      const ended = await getResolutions(
        store,
        page.map(({ hold }) => hold.id),
      );
      for (const { hold } of page) if (!ended.has(hold.id)) sum += hold.amount;
    }
    return sum;
  });
  let total = 0n;
  for await (const sum of sums) total += sum;
  return total;
}

interface Side {
  readonly index: string;
  readonly day: 'debitDay' | 'creditDay';
  readonly at: 'debitAt' | 'creditAt';
}

async function* readPartition(
  store: LedgerTable,
  side: Side,
  partition: string,
  { from, until }: Moments,
): AsyncGenerator<Expiring[]> {
  const query: QueryCommandInput = {
    TableName: store.ledgerTable,
    IndexName: side.index,
    KeyConditionExpression: `${side.day} = :partition AND ${side.at} BETWEEN :from AND :until`,
    ExpressionAttributeValues: toItem({
      ':partition': partition,
      // Keys go on behind their time with `#`: a bare time is below all of its keys, and one with `$` above them.
      ':from': from ?? '0',
      ':until': until === undefined ? ':' : `${until}$`,
    }),
    Limit: PAGE_ITEMS,
  };
  let after: Item | undefined;
  do {
    const command: QueryCommand = new QueryCommand({ ...query, ExclusiveStartKey: after });
    const { Items: items = [], LastEvaluatedKey } = await retryTransient(() => store.client.send(command), store.clock);
    if (items.length > 0) yield items.map((item) => ({ key: text(item, side.at), pk: text(item, 'pk'), item }));
    after = LastEvaluatedKey;
  } while (after !== undefined);
}
