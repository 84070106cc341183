import { GetItemCommand, QueryCommand, type QueryCommandInput } from '@aws-sdk/client-dynamodb';
import { type ChartEntry, shardsOn } from '../domain/chart.ts';
import { inOrder } from '../domain/reconciliation/in-order.ts';
import {
  type AccountHistory,
  comparePositions,
  type Position,
  type Side,
  type UsageFigures,
  usageOf,
} from '../domain/statements.ts';
import { type Day, dayOf, type Instant } from '../domain/time.ts';
import type { Transfer } from '../domain/transfers.ts';
import { accountFromItem } from './accounts.ts';
import { type Item, text, toItem } from './items.ts';
import { transferFromItem } from './ledger.ts';
import type { LedgerTable } from './posting.ts';
import { retryTransient } from './retry.ts';
import { accountKey, BY_CREDIT, BY_DEBIT, dayPartitions } from './tables.ts';

/**
 * What one account's transfers say, read from the ledger's indexes by day. An index follows its table within moments
 * and not at once (AWS), so what was posted just now may be missing.
 */

/** The account whose transfers are read, and over how many partitions its days are spread. */
export interface Listed {
  readonly account: string;
  readonly entry: Pick<ChartEntry, 'shards'>;
}

/** Days of an account that are read whole. */
export interface AccountDays extends Listed {
  readonly days: readonly Day[];
}

/** Undefined for an account that was never opened or listed. */
export async function getAccountHistory(store: LedgerTable, id: string): Promise<AccountHistory | undefined> {
  const command = new GetItemCommand({
    TableName: store.ledgerTable,
    Key: toItem({ pk: accountKey(id) }),
    ConsistentRead: true,
  });
  const { Item: item } = await retryTransient(() => store.client.send(command), store.clock);
  return item === undefined ? undefined : historyFromItem(item);
}

export function historyFromItem(item: Item): AccountHistory {
  return { account: accountFromItem(item), months: item.months?.SS ?? [] };
}

/** How many partitions hold the transfers of these days: what reading them costs, however few they are. */
export function countPartitions(reads: readonly AccountDays[]): number {
  let count = 0;
  for (const { entry, days } of reads) for (const day of days) count += shardsOn(entry, day) * SIDES.length;
  return count;
}

/** A transfer as one of its two accounts sees it. */
export interface StatementLine extends Position {
  readonly side: Side;
  readonly transfer: Transfer;
}

export interface PageRequest {
  /** Days to read in the order of time. */
  readonly days: readonly Day[];
  readonly order: 'asc' | 'desc';
  /** The last line of the page before. */
  readonly after?: Position | undefined;
  readonly limit: number;
}

/** A page of an account's transfers in order, merged over both sides and all shards. */
export async function readStatement(
  store: LedgerTable,
  listed: Listed,
  page: PageRequest,
): Promise<{ readonly lines: readonly StatementLine[]; readonly more: boolean }> {
  const days = remainingDays(page);
  const lines: StatementLine[] = [];
  const shards = Math.max(1, ...days.map((day) => shardsOn(listed.entry, day)));
  const most = Math.max(1, Math.floor(READS_AT_ONCE / (SIDES.length * shards)));
  // A busy day fills the page alone, and a quiet year is gone through in ever longer strides.
  for (let next = 0, stride = 1; next < days.length && lines.length <= page.limit; ) {
    const read = days.slice(next, next + stride).map((day) => readDay(store, listed, day, page));
    lines.push(...(await Promise.all(read)).flat());
    next += stride;
    stride = Math.min(stride * 2, most);
  }
  return { lines: lines.slice(0, page.limit), more: lines.length > page.limit };
}

/** What an account's transfers come to. */
export interface Sums {
  readonly credits: bigint;
  readonly debits: bigint;
}

/** What transfers count for a sum: those that count and were known by these times, inclusive. */
interface AsOf {
  readonly effectiveAt?: Instant | undefined;
  readonly knownAt?: Instant | undefined;
  /** How many transfers may be read, over all accounts. */
  readonly most: number;
}

/** What the transfers of each account on its days come to. @throws TooManyTransfersError */
export async function sumTransfersAsOf(
  store: LedgerTable,
  reads: readonly AccountDays[],
  { effectiveAt, knownAt, most }: AsOf,
): Promise<ReadonlyMap<string, Sums>> {
  const sums = new Map(reads.map(({ account }) => [account, { credits: 0n, debits: 0n }]));
  for await (const { account, side, transfers } of partitionsOf(store, reads, most)) {
    const own = sums.get(account);
    if (own === undefined) continue;
    for (const { transfer } of transfers) {
      if (effectiveAt !== undefined && transfer.effectiveAt > effectiveAt) continue;
      if (knownAt !== undefined && transfer.recordedAt > knownAt) continue;
      own[side === 'credit' ? 'credits' : 'debits'] += transfer.amount;
    }
  }
  return sums;
}

/**
 * Hands on every transfer of these days, several partitions at once and in no order. Memory is that of the pages being
 * read, however many transfers there are.
 */
export async function eachTransfer(
  store: LedgerTable,
  reads: readonly AccountDays[],
  take: (line: StatementLine, account: string) => void,
): Promise<void> {
  const partitions = reads.flatMap((read) => read.days.flatMap((day) => partitionsIn(read, day)));
  const readings = inOrder(partitions, READS_AT_ONCE, async ({ account, side, partition }) => {
    for await (const lines of pagesOf(store, side, queryOf(store, side, partition))) {
      for (const line of lines) take(line, account);
    }
  });
  for await (const _ of readings);
}

/** What stands for the key of usage that was charged without one. */
export const NO_KEY = 'none';

/** What accounts were charged, by day and by the API key that charged them. */
export interface UsageByDayAndKey {
  readonly days: ReadonlyMap<Day, UsageFigures>;
  readonly keys: ReadonlyMap<string, UsageFigures>;
}

/** What all these accounts were charged together. @throws TooManyTransfersError */
export async function sumUsage(
  store: LedgerTable,
  reads: readonly AccountDays[],
  most: number,
): Promise<UsageByDayAndKey> {
  const byDay = new Map<Day, UsageFigures>();
  const byKey = new Map<string, UsageFigures>();
  for await (const { side, transfers } of partitionsOf(store, reads, most)) {
    let charged = '';
    for (const { key, transfer } of transfers) {
      const amount = usageOf(transfer, side);
      if (amount === undefined) continue;
      // Several charges of one request stand side by side, and are one request.
      const isRequest = transfer.kind === 'charge' && key !== charged;
      if (isRequest) charged = key;
      for (const figures of [at(byDay, dayOf(transfer.effectiveAt)), at(byKey, transfer.key ?? NO_KEY)]) {
        figures.amount += amount;
        if (isRequest) figures.requests += 1;
      }
    }
  }
  return { days: byDay, keys: byKey };
}

/** More transfers than one answer is summed from. */
export class TooManyTransfersError extends Error {
  override name = 'TooManyTransfersError';
}

/** Partitions read at once: hides the network's latency and leaves connections (50 of the SDK) to other requests. */
const READS_AT_ONCE = 32;

const SIDES = [
  { side: 'debit', index: BY_DEBIT, day: 'debitDay', at: 'debitAt' },
  { side: 'credit', index: BY_CREDIT, day: 'creditDay', at: 'creditAt' },
] as const;
type SideIndex = (typeof SIDES)[number];

function at(figures: Map<string, UsageFigures>, name: string): UsageFigures {
  const known = figures.get(name);
  if (known !== undefined) return known;
  const fresh = { requests: 0, amount: 0n };
  figures.set(name, fresh);
  return fresh;
}

function partitionsIn({ account, entry }: Listed, day: Day) {
  return SIDES.flatMap((side) => dayPartitions(account, day, entry).map((partition) => ({ account, side, partition })));
}

/** Every partition of these days, read whole. @throws TooManyTransfersError when all together hold more than `most`. */
async function* partitionsOf(store: LedgerTable, reads: readonly AccountDays[], most: number) {
  let left = most;
  const partitions = reads.flatMap((read) => read.days.flatMap((day) => partitionsIn(read, day)));
  yield* inOrder(partitions, READS_AT_ONCE, async ({ account, side, partition }) => {
    const transfers: StatementLine[] = [];
    for await (const lines of pagesOf(store, side, queryOf(store, side, partition))) {
      left -= lines.length;
      if (left < 0) throw new TooManyTransfersError(`There are more than ${most} transfers.`);
      transfers.push(...lines);
    }
    return { account, side: side.side, transfers };
  });
}

function remainingDays({ days, order, after }: PageRequest): Day[] {
  const inOrder = order === 'asc' ? [...days] : days.toReversed();
  if (after === undefined) return inOrder;
  const day = dayOf(after.key);
  return inOrder.filter((one) => (order === 'asc' ? one >= day : one <= day));
}

/** The lines of a day that come after the position, as many as can matter, in order. */
async function readDay(store: LedgerTable, listed: Listed, day: Day, page: PageRequest): Promise<StatementLine[]> {
  const read = partitionsIn(listed, day).map(({ side, partition }) => readPartition(store, side, partition, day, page));
  return (await Promise.all(read)).flat().sort(byPosition(page.order));
}

function byPosition(order: PageRequest['order']) {
  return order === 'asc' ? comparePositions : (a: Position, b: Position) => comparePositions(b, a);
}

/**
 * The first lines of a partition, one more than a page holds. Lines of one time and request have no order of their own
 * in an index, so reading goes on until those of the last line that counts are complete.
 */
async function readPartition(store: LedgerTable, side: SideIndex, partition: string, day: Day, page: PageRequest) {
  const { order, after, limit } = page;
  const compare = byPosition(order);
  const from = after !== undefined && dayOf(after.key) === day ? after : undefined;
  const query: QueryCommandInput = { ...queryOf(store, side, partition), ScanIndexForward: order === 'asc' };
  if (from !== undefined) {
    query.KeyConditionExpression = `${query.KeyConditionExpression} AND ${side.at} ${order === 'asc' ? '>=' : '<='} :key`;
    query.ExpressionAttributeValues = toItem({ ':partition': partition, ':key': from.key });
  }
  const lines: StatementLine[] = [];
  for await (const found of pagesOf(store, side, { ...query, Limit: limit + 2 })) {
    lines.push(...(from === undefined ? found : found.filter((line) => compare(line, from) > 0)));
    const last = lines.at(-1);
    if (lines.length > limit + 1 && last?.key !== lines[limit]?.key) break;
  }
  return lines;
}

function queryOf(store: LedgerTable, side: SideIndex, partition: string): QueryCommandInput {
  return {
    TableName: store.ledgerTable,
    IndexName: side.index,
    KeyConditionExpression: `${side.day} = :partition`,
    ExpressionAttributeValues: toItem({ ':partition': partition }),
  };
}

async function* pagesOf(
  store: LedgerTable,
  side: SideIndex,
  query: QueryCommandInput,
): AsyncGenerator<StatementLine[]> {
  let after: Item | undefined;
  do {
    const command: QueryCommand = new QueryCommand({ ...query, ExclusiveStartKey: after });
    const { Items: items = [], LastEvaluatedKey } = await retryTransient(() => store.client.send(command), store.clock);
    yield items.map((item) => {
      const transfer = transferFromItem(item);
      return { key: text(item, side.at), id: transfer.id, side: side.side, transfer };
    });
    after = LastEvaluatedKey;
  } while (after !== undefined);
}
