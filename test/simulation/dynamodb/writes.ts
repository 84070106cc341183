import type { CancellationReason, QueryCommandInput, TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { conditionOf } from './conditions.ts';
import { invalid } from './faults.ts';
import { type Change, keyOf, type Table, type TableShape } from './tables.ts';
import { updateOf } from './updates.ts';
import { InvalidRequestError, type Item } from './values.ts';

/** One write of one item, alone or in a transaction. */
export interface Write {
  readonly TableName?: string | undefined;
  readonly Key?: Item | undefined;
  readonly Item?: Item | undefined;
  readonly UpdateExpression?: string | undefined;
  readonly ConditionExpression?: string | undefined;
  readonly ExpressionAttributeNames?: Record<string, string> | undefined;
  readonly ExpressionAttributeValues?: Item | undefined;
  readonly ReturnValuesOnConditionCheckFailure?: 'ALL_OLD' | 'NONE' | undefined;
  readonly isCheck?: true;
}

type TableOf = (name: string | undefined) => Table;

/** What a write would change; when its condition fails, the item that failed it, if that was asked for. */
type Tried = { readonly change: Change } | { readonly old: Item | undefined };

export function tryWrite(write: Write, tableOf: TableOf): Tried {
  const table = tableOf(write.TableName);
  checkPlaceholders(write);
  const key = keyOf(table.shape, write.Item ?? write.Key ?? {});
  const before = table.items.get(key);
  const names = write.ExpressionAttributeNames ?? {};
  const values = write.ExpressionAttributeValues ?? {};
  const { ConditionExpression: condition } = write;
  if (condition !== undefined && !conditionOf(condition).test({ item: before ?? {}, names, values })) {
    return { old: write.ReturnValuesOnConditionCheckFailure === 'ALL_OLD' ? before : undefined };
  }
  const change = { table: write.TableName ?? '', key, before };
  if (write.isCheck) return { change: { ...change, after: before } };
  if (write.Item !== undefined) return { change: { ...change, after: write.Item } };
  const scope = { item: before ?? write.Key ?? {}, names, values };
  const after = write.UpdateExpression === undefined ? scope.item : updateOf(write.UpdateExpression).apply(scope);
  assertKeysStay(table.shape, scope.item, after);
  return { change: { ...change, after } };
}

export function writeIn({ Put, Update, ConditionCheck }: TransactWriteItem): Write {
  const write = Put ?? Update ?? (ConditionCheck && { ...ConditionCheck, isCheck: true as const });
  if (write === undefined) throw invalid('The model has no deletes.');
  return write as Write;
}

export function tryAll(writes: readonly Write[], tableOf: TableOf) {
  const changes: Change[] = [];
  const reasons = writes.map((write): CancellationReason => {
    try {
      const result = tryWrite(write, tableOf);
      if ('change' in result) {
        changes.push(result.change);
        return { Code: 'None' };
      }
      const Message = 'The conditional request failed';
      return { Code: 'ConditionalCheckFailed', Message, ...(result.old !== undefined && { Item: result.old }) };
    } catch (error) {
      if (!(error instanceof InvalidRequestError)) throw error;
      return { Code: 'ValidationError', Message: error.message };
    }
  });
  return { changes, reasons };
}

export function assertDistinct(writes: readonly Write[], tableOf: TableOf): void {
  const keys = writes.map(
    ({ TableName, Item, Key }) => `${TableName} ${keyOf(tableOf(TableName).shape, Item ?? Key ?? {})}`,
  );
  if (new Set(keys).size < keys.length) {
    throw invalid('Transaction request cannot include multiple operations on one item');
  }
}

function assertKeysStay({ keys }: TableShape, before: Item, after: Item): void {
  const names = keys.sort === undefined ? [keys.partition] : [keys.partition, keys.sort];
  for (const name of names) {
    if (before[name]?.S !== after[name]?.S) throw new InvalidRequestError(`Cannot update attribute ${name}.`);
  }
}

/** DynamoDB refuses names and values that no expression uses. */
export function checkPlaceholders(
  input: Write & Pick<QueryCommandInput, 'KeyConditionExpression' | 'FilterExpression' | 'ProjectionExpression'>,
): void {
  const { ExpressionAttributeNames: names, ExpressionAttributeValues: values } = input;
  if (names === undefined && values === undefined) return;
  const used = [input.ConditionExpression, input.KeyConditionExpression, input.FilterExpression].flatMap((text) =>
    text === undefined ? [] : [conditionOf(text).used],
  );
  if (input.UpdateExpression !== undefined) used.push(updateOf(input.UpdateExpression).used);
  const isUsed = (name: string) => used.some((names) => names.has(name)) || input.ProjectionExpression?.includes(name);
  for (const placeholders of [names, values]) {
    if (placeholders === undefined) continue;
    const given = Object.keys(placeholders);
    if (given.length === 0) throw new InvalidRequestError('Names and values must not be empty.');
    for (const name of given) if (!isUsed(name)) throw new InvalidRequestError(`Unused: ${name}`);
  }
}
