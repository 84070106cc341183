import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { toItem } from './items.ts';

/** A change of a record's state: what it sets and removes, and what must hold for it. */
export interface RecordChange {
  /** Fields by name; what is undefined is left as it is. */
  readonly set: Readonly<Record<string, string | { readonly name: string; readonly cause: string } | undefined>>;
  readonly remove?: readonly string[];
  /** Names the state `#status`, and values as they are given here. */
  readonly condition: string;
  readonly values: Readonly<Record<string, string>>;
}

/** The conditional write of a change, which gives the record as it is where the condition fails. */
export function changeOf(
  table: string,
  key: { readonly pk: string; readonly sk: string },
  { set, remove = [], condition, values }: RecordChange,
) {
  const fields = Object.keys(set).filter((name) => set[name] !== undefined);
  const named = new Set([...fields, ...remove, ...(condition.includes('#status') ? ['status'] : [])]);
  const removed = remove.length === 0 ? '' : ` REMOVE ${remove.map((name) => `#${name}`).join(', ')}`;
  return {
    Update: {
      TableName: table,
      Key: toItem({ ...key }),
      UpdateExpression: `SET ${fields.map((name) => `#${name} = :new_${name}`).join(', ')}${removed}`,
      ConditionExpression: condition,
      ExpressionAttributeNames: Object.fromEntries([...named].map((name) => [`#${name}`, name])),
      ExpressionAttributeValues: toItem({
        ...values,
        ...Object.fromEntries(fields.map((name) => [`:new_${name}`, set[name]])),
      }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  } as const satisfies TransactWriteItem;
}
