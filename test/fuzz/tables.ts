import { type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import type { Installation } from '../../bin/boot.ts';

/** All that stands in the tables: the content of each item by table and key. */
export type Content = ReadonlyMap<string, string>;

/** The names of an installation's tables. */
export function tablesOf({ cloud }: Installation): string[] {
  return cloud.resources.filter(({ type }) => type.startsWith('AWS::DynamoDB::')).map(({ physicalId }) => physicalId);
}

/** Reads every item. When a key was last used, requests of any kind may note; it is left out. */
export async function readTables(client: DynamoDBClient, tables: readonly string[]): Promise<Content> {
  const content = new Map<string, string>();
  for (const TableName of tables) {
    for await (const { Items = [] } of paginateScan({ client }, { TableName, ConsistentRead: true })) {
      for (const { lastUsedOn: _, ...item } of Items) {
        content.set(`${TableName} ${item.pk?.S} ${item.sk?.S ?? ''}`, canonical(item));
      }
    }
  }
  return content;
}

/** The keys of what came, went or changed. */
export function changesBetween(before: Content, after: Content): string[] {
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys].filter((key) => before.get(key) !== after.get(key));
}

/** An engine may tell attributes in any order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
