import { type DynamoDBClient, QueryCommand, type QueryCommandInput } from '@aws-sdk/client-dynamodb';
import type { ChartEntry } from '../domain/chart.ts';
import type { AccountBooks, OwnTransfer } from '../domain/reconciliation/account-day.ts';
import { addGrantSums, type GrantSums, type TransferSums } from '../domain/reconciliation/balances.ts';
import { inOrder } from '../domain/reconciliation/in-order.ts';
import { mergePages } from '../domain/reconciliation/merge.ts';
import type { EvidenceRow, LedgerRow, Pages } from '../domain/reconciliation/rows.ts';
import { addDays, type Day, dayOf, daysOf, type Instant } from '../domain/time.ts';
import { sharesFromItem } from './grants.ts';
import { type Item, integer, integers, optionalText, text, texts, toItem } from './items.ts';
import { getTransfer } from './ledger.ts';
import { retryTransient, systemClock } from './retry.ts';
import { BY_BUCKET, BY_CREDIT, BY_DEBIT, dayPartitions, momentKey, seenAccountsPartition } from './tables.ts';

/** The two books that a reconciliation reads, and never writes. */
export interface Books {
  readonly client: DynamoDBClient;
  readonly ledgerTable: string;
  readonly usageTable: string;
  /** Rows of a page; left out, a page is the megabyte that DynamoDB gives. */
  readonly pageRows?: number;
  /** Milliseconds that a read is tried again for, where somebody waits for it. */
  readonly deadlineMs?: number;
}

/** The book of usage alone. */
export type EvidenceBook = Omit<Books, 'ledgerTable'>;

type Shards = Pick<ChartEntry, 'shards'>;

/** Milliseconds that a read is tried again for: nobody waits for a reconciliation, so it waits out a throttled table. */
const READ_DEADLINE_MS = 60_000;

/** Partitions summed at once: hides the network's latency and leaves throughput to those who charge. */
const SUMS_AT_ONCE = 16;

/** The books of one account, as comparing them needs them. Reading starts at once and not when the first page is awaited. */
export function accountBooks(books: Books, account: string, entry: Shards): AccountBooks {
  return {
    day: (day) => ({
      evidence: readEvidence(books, account, day, entry),
      ledger: readCharges(books, account, day, entry),
    }),
    transferOf: (requestId) => ownTransfer(books, account, requestId),
  };
}

/** An account's evidence of a day in order of (time, request id). Can be read once. */
export function readEvidence(books: EvidenceBook, account: string, day: Day, entry: Shards): Pages<EvidenceRow> {
  return mergePages(
    dayPartitions(account, day, entry).map((partition) =>
      queryPages(books, evidenceQuery(books, 'pk = :partition', { ':partition': partition }), evidenceRows),
    ),
  );
}

/** An account's charges of a day and what corrects them, in order of (time, request id). Can be read once. */
export function readCharges(books: Books, account: string, day: Day, entry: Shards): Pages<LedgerRow> {
  return mergePages(
    SIDES.flatMap((side) =>
      dayPartitions(account, day, entry).map((partition) =>
        queryPages(
          books,
          chargesQuery(books, side, `${side.day} = :partition`, { ':partition': partition }),
          chargesFrom(side),
        ),
      ),
    ),
  );
}

/** An account of a bucket. */
export interface ListedAccount {
  readonly account: string;
  /** The ledger has it; an account that is only in the evidence may have been opened by nobody. */
  readonly opened: boolean;
}

/** Every account of a bucket that the ledger has or evidence names, in order of id. */
export async function accountsOfBucket(books: Books, bucket: string): Promise<ListedAccount[]> {
  const [opened, seen] = await Promise.all([
    openedInBucket(books, bucket),
    gather(
      queryPages(
        books,
        {
          TableName: books.usageTable,
          KeyConditionExpression: 'pk = :accounts',
          ExpressionAttributeValues: toItem({ ':accounts': seenAccountsPartition(bucket) }),
        },
        (items) => items.map((item) => text(item, 'sk')),
      ),
    ),
  ]);
  const known = new Set(opened);
  return [...known.union(new Set(seen))].sort().map((account) => ({ account, opened: known.has(account) }));
}

/** Every account of a bucket that the ledger has, in order of id. */
export async function openedInBucket(books: Omit<Books, 'usageTable'>, bucket: string): Promise<string[]> {
  const query = {
    TableName: books.ledgerTable,
    IndexName: BY_BUCKET,
    KeyConditionExpression: '#bucket = :bucket',
    ExpressionAttributeNames: { '#bucket': 'bucket' },
    ExpressionAttributeValues: toItem({ ':bucket': bucket }),
  };
  return gather(queryPages(books, query, (items) => items.map((item) => text(item, 'account'))));
}

/** The half of an account's life to sum: what counts before a moment, or since it. */
export type Half =
  | { readonly openedOn: Day; readonly before: Instant }
  | { readonly since: Instant; readonly until: Day };

/**
 * What all transfers of an account in one half of its life come to, whatever their kind.
 * @param hasGrants whether what they leave of each grant is summed too, for which more of them is read.
 */
export async function sumTransfers(
  books: Books,
  account: string,
  half: Half,
  entry: Shards,
  hasGrants = false,
): Promise<TransferSums> {
  const [days, comparison, moment] =
    'before' in half
      ? [daysOf({ start: half.openedOn, end: addDays(dayOf(half.before), 1) }), '<', half.before]
      : [daysOf({ start: dayOf(half.since), end: half.until }), '>=', half.since];
  const sums = { debits: 0n, credits: 0n };
  const reads = days.flatMap((day) =>
    SIDES.flatMap((side) => dayPartitions(account, day, entry).map((partition) => ({ side, partition }))),
  );
  const amounts = inOrder(reads, SUMS_AT_ONCE, async ({ side, partition }) => {
    const query = {
      TableName: books.ledgerTable,
      IndexName: side.index,
      KeyConditionExpression: `${side.day} = :partition AND ${side.at} ${comparison} :moment`,
      ExpressionAttributeValues: toItem({ ':partition': partition, ':moment': moment }),
      ...projection('amount', ...(hasGrants ? ['id', 'grant', 'burned', 'restored'] : [])),
    };
    let total = 0n;
    const grants = new Map<string, bigint>();
    for await (const page of queryPages(books, query, (items) => items)) {
      for (const item of page) {
        total += integer(item, 'amount');
        if (!hasGrants) continue;
        for (const [grant, amount] of grantChanges(item, side)) grants.set(grant, (grants.get(grant) ?? 0n) + amount);
      }
    }
    return { sum: side.sum, total, grants };
  });
  let all: GrantSums = new Map();
  for await (const { sum, total, grants } of amounts) {
    sums[sum] += total;
    all = addGrantSums(all, grants);
  }
  return { ...sums, ...(hasGrants && { grants: all }) };
}

/** What a transfer does to the grants of the account on this side of it. */
function grantChanges(item: Item, { sum }: Side): GrantSums {
  if (sum === 'debits') return new Map(sharesFromItem(item, 'burned').map(({ grant, amount }) => [grant, -amount]));
  const restored = new Map(sharesFromItem(item, 'restored').map(({ grant, amount }) => [grant, amount]));
  return item.grant === undefined ? restored : restored.set(text(item, 'id'), integer(item, 'amount'));
}

/** The two sides of an account in the ledger, and what an amount on each means to it. */
export const SIDES = [
  { index: BY_DEBIT, day: 'debitDay', at: 'debitAt', sign: 1n, sum: 'debits' },
  { index: BY_CREDIT, day: 'creditDay', at: 'creditAt', sign: -1n, sum: 'credits' },
] as const;
type Side = (typeof SIDES)[number];

type Query = Omit<QueryCommandInput, 'ExclusiveStartKey'>;

/**
 * Reads a query page by page. The first page is asked for at once, and each next one while the one before it is being
 * compared, so that reading and comparing overlap.
 */
export function queryPages<Row>(
  books: Omit<EvidenceBook, 'usageTable'>,
  query: Query,
  rowsOf: (items: Item[]) => Row[],
): Pages<Row> {
  const limited = books.pageRows === undefined ? query : { ...query, Limit: books.pageRows };
  const ask = (after?: Item) => {
    const command = new QueryCommand({ ...limited, ExclusiveStartKey: after });
    const answer = retryTransient(() => books.client.send(command), systemClock, books.deadlineMs ?? READ_DEADLINE_MS);
    // A failure is met when the page is awaited; a page that nobody awaits any more fails nobody.
    answer.catch(() => undefined);
    return answer;
  };
  const first = ask();
  return {
    async *[Symbol.asyncIterator]() {
      for (let answer: typeof first | undefined = first; answer !== undefined; ) {
        const { Items, LastEvaluatedKey }: Awaited<typeof first> = await answer;
        answer = LastEvaluatedKey === undefined ? undefined : ask(LastEvaluatedKey);
        yield rowsOf(Items ?? []);
      }
    },
  };
}

export async function gather<Row>(pages: Pages<Row>): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const page of pages) for (const row of page) rows.push(row);
  return rows;
}

export function evidenceQuery(books: EvidenceBook, condition: string, values: Record<string, string>): Query {
  return {
    TableName: books.usageTable,
    KeyConditionExpression: condition,
    ExpressionAttributeValues: toItem(values),
    ...projection('pk', 'sk', 'fingerprint', 'operation', 'quantities', 'ruling', 'overrules'),
  };
}

export function evidenceRows(items: Item[]): EvidenceRow[] {
  return items.map((item) => {
    const sortKey = text(item, 'sk');
    const key = sortKey.slice(0, sortKey.lastIndexOf('#'));
    if (item.ruling !== undefined) return rulingRow(key, item);
    return {
      key,
      fingerprint: text(item, 'fingerprint'),
      operation: text(item, 'operation'),
      quantities: integers(item, 'quantities'),
    };
  });
}

function rulingRow(key: string, item: Item): EvidenceRow {
  const ruling = { number: Number(integer(item, 'ruling')), overrules: texts(item, 'overrules') };
  return { key, fingerprint: '', operation: '', quantities: {}, ruling };
}

function chargesQuery(books: Books, side: Side, condition: string, values: Record<string, string>): Query {
  return {
    TableName: books.ledgerTable,
    IndexName: side.index,
    KeyConditionExpression: condition,
    ExpressionAttributeValues: toItem(values),
    ...projection('pk', 'id', 'kind', 'amount', 'requestId', 'corrects', side.at),
  };
}

/** Charges and what corrects them; other movements, such as top-ups, have no evidence and are passed over. */
function chargesFrom(side: Side): (items: Item[]) => LedgerRow[] {
  return (items) => {
    const rows: LedgerRow[] = [];
    for (const item of items) {
      const corrects = optionalText(item, 'corrects');
      const isCorrection = corrects !== undefined && item.requestId !== undefined;
      if (text(item, 'kind') !== 'charge' && !isCorrection) continue;
      rows.push({
        key: text(item, side.at),
        id: text(item, 'id'),
        amount: side.sign * integer(item, 'amount'),
        ...(corrects !== undefined && { corrects }),
      });
    }
    return rows;
  };
}

async function ownTransfer(books: Books, account: string, requestId: string): Promise<OwnTransfer> {
  const transfer = await getTransfer(books, requestId);
  if (transfer === undefined) return undefined;
  const isCharge = transfer.kind === 'charge' && transfer.debit === account;
  if (!isCharge || (transfer.requestId ?? transfer.id) !== requestId) return 'something-else';
  return { key: momentKey(transfer.effectiveAt, requestId), id: transfer.id, amount: transfer.amount };
}

/** Asks for these attributes alone. Names are given apart because some are reserved words of DynamoDB. */
function projection(...names: string[]): Pick<QueryCommandInput, 'ProjectionExpression' | 'ExpressionAttributeNames'> {
  return {
    ProjectionExpression: names.map((_, index) => `#${index}`).join(', '),
    ExpressionAttributeNames: Object.fromEntries(names.map((name, index) => [`#${index}`, name])),
  };
}
