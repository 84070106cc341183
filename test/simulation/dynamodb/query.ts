import type { QueryCommandInput, QueryCommandOutput } from '@aws-sdk/client-dynamodb';
import { conditionOf } from './conditions.ts';
import { type Index, type Keys, type Placed, pick, placeOf, positionOf } from './index.ts';
import { keyOf, type TableShape } from './tables.ts';
import { readTokens } from './tokens.ts';
import { InvalidRequestError, type Item } from './values.ts';

/** What is asked of one partition, and how many items a page has at most. */
export interface Asked {
  readonly input: QueryCommandInput;
  readonly shape: TableShape;
  readonly index: Index;
  readonly now: number;
  readonly pageItems: number;
}

export type QueryAnswer = Pick<QueryCommandOutput, 'Items' | 'Count' | 'ScannedCount' | 'LastEvaluatedKey'>;

/** Reads one page of a partition. */
export function readQueryPage({ input, shape, index, now, pageItems }: Asked): QueryAnswer {
  const { ExpressionAttributeNames: names = {}, ExpressionAttributeValues: values = {} } = input;
  const key = keyCondition(input, index.keys);
  const partition = values[key.partition]?.S;
  if (partition === undefined) throw new InvalidRequestError('A query names one partition by a text.');
  const rows = index.partition(partition, now);
  const limit = Math.min(input.Limit ?? Number.POSITIVE_INFINITY, pageItems);
  const scanned: Item[] = [];
  const forward = input.ScanIndexForward !== false;
  for (let at = firstRow(input, shape, index, rows); at >= 0 && at < rows.length; at += forward ? 1 : -1) {
    if (scanned.length === limit) break;
    const { item } = rows[at] as Placed;
    if (key.test({ item, names, values })) scanned.push(item);
  }
  const filter = input.FilterExpression === undefined ? undefined : conditionOf(input.FilterExpression).test;
  const found = filter === undefined ? scanned : scanned.filter((item) => filter({ item, names, values }));
  const last = scanned.length === limit ? scanned.at(-1) : undefined;
  return {
    Count: found.length,
    ScannedCount: scanned.length,
    ...(input.Select !== 'COUNT' && { Items: found.map((item) => projected(input, item)) }),
    ...(last !== undefined && { LastEvaluatedKey: keysIn(last, [shape.keys, index.keys]) }),
  };
}

/** Where reading begins: behind the item that the page before ended with. */
function firstRow(input: QueryCommandInput, shape: TableShape, { keys }: Index, rows: readonly Placed[]): number {
  const { ExclusiveStartKey: after, ScanIndexForward = true } = input;
  if (after === undefined) return ScanIndexForward ? 0 : rows.length - 1;
  const place = placeOf(keys, keyOf(shape, after), after)?.place;
  if (place === undefined) throw new InvalidRequestError('The provided starting key is invalid');
  const at = positionOf(rows, place);
  if (!ScanIndexForward) return at - 1;
  return rows[at]?.place === place ? at + 1 : at;
}

const partitions = new Map<string, string>();

/** Which value names the partition; the whole condition is tested on each row. */
function keyCondition(input: QueryCommandInput, keys: Keys) {
  const { KeyConditionExpression: expression = '', ExpressionAttributeNames: names = {} } = input;
  const cached = `${keys.partition} ${input.ExpressionAttributeNames === undefined ? '' : JSON.stringify(names)} ${expression}`;
  let partition = partitions.get(cached);
  if (partition === undefined) {
    const tokens = readTokens(expression);
    for (let name = tokens.peek(); name !== undefined && partition === undefined; name = tokens.peek()) {
      tokens.next();
      if ((names[name] ?? name) === keys.partition && tokens.take('=')) partition = tokens.next();
    }
    if (partition === undefined) throw new InvalidRequestError('Query condition missed key schema element');
    partitions.set(cached, partition);
  }
  return { partition, test: conditionOf(expression).test };
}

const projections = new Map<string, readonly string[]>();

function projected(
  { ProjectionExpression: expression, ExpressionAttributeNames: names = {} }: QueryCommandInput,
  item: Item,
): Item {
  if (expression === undefined) return item;
  let asked = projections.get(expression);
  if (asked === undefined) {
    asked = expression.split(',').map((name) => name.trim());
    projections.set(expression, asked);
  }
  return pick(
    item,
    asked.map((name) => names[name] ?? name),
  );
}

function keysIn(item: Item, all: readonly Keys[]): Item {
  return pick(
    item,
    all.flatMap(({ partition, sort }) => (sort === undefined ? [partition] : [partition, sort])),
  );
}
