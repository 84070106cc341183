import { GetItemCommand, QueryCommand, type TransactWriteItem } from '@aws-sdk/client-dynamodb';
import type { MergeCounts } from '../domain/invoices/line-import.ts';
import type { TieFault } from '../domain/invoices/tie-out.ts';
import type { InvoicesStore } from './invoices.ts';
import { type Item, integer, optionalText, text, toItem } from './items.ts';
import { retryTransient } from './retry.ts';
import { lineImportPartition } from './tables.ts';

/**
 * What an import of lines, or its rollback, did to each invoice: a note that is written in one transaction with the new
 * version. By it an attempt that goes on knows what is done, and a rollback what is to be brought back.
 */

/** A version of an invoice, with all that its content has beside its lines. */
export interface NotedVersion {
  readonly version: number;
  readonly digest: string;
  readonly opening: bigint;
  readonly closing: bigint;
  readonly due: bigint;
}

export interface LineNote extends MergeCounts {
  readonly invoice: string;
  readonly before: NotedVersion;
  readonly after: NotedVersion;
  /** Why the invoice was blocked after it. */
  readonly faults: readonly TieFault[];
}

/** The put of a note, for the transaction that writes the invoice. */
export function putLineNote({ billingTable }: InvoicesStore, runId: string, note: LineNote): TransactWriteItem {
  const { invoice, before, after, faults, inserted, updated, unchanged } = note;
  const item = toItem({
    ...{ pk: lineImportPartition(runId), sk: invoice },
    ...{ before: versionValue(before), after: versionValue(after) },
    ...{ inserted: BigInt(inserted), updated: BigInt(updated), unchanged: BigInt(unchanged) },
    ...(faults.length > 0 && { faults: JSON.stringify(faults) }),
  });
  return { Put: { TableName: billingTable, Item: item, ConditionExpression: 'attribute_not_exists(pk)' } };
}

export async function getLineNote(store: InvoicesStore, runId: string, invoice: string): Promise<LineNote | undefined> {
  const command = new GetItemCommand({
    TableName: store.billingTable,
    Key: toItem({ pk: lineImportPartition(runId), sk: invoice }),
    ConsistentRead: true,
  });
  const { Item: item } = await retryTransient(() => store.client.send(command), store.clock);
  return item && noteFromItem(item);
}

/** The invoices that a run has changed, in order of their ids. */
export async function* notedInvoices(store: InvoicesStore, runId: string): AsyncGenerator<string> {
  let after: Item | undefined;
  do {
    const command: QueryCommand = new QueryCommand({
      TableName: store.billingTable,
      KeyConditionExpression: 'pk = :run',
      ExpressionAttributeValues: toItem({ ':run': lineImportPartition(runId) }),
      ProjectionExpression: 'sk',
      ExclusiveStartKey: after,
      ConsistentRead: true,
    });
    const { Items = [], LastEvaluatedKey } = await retryTransient(() => store.client.send(command), store.clock);
    for (const item of Items) yield text(item, 'sk');
    after = LastEvaluatedKey;
  } while (after !== undefined);
}

/** Whether a run has changed any invoice yet. */
export async function hasNotes(store: InvoicesStore, runId: string): Promise<boolean> {
  const invoices = notedInvoices(store, runId);
  try {
    return (await invoices.next()).done !== true;
  } finally {
    await invoices.return(undefined);
  }
}

function versionValue({ version, ...fields }: NotedVersion) {
  return { ...fields, version: BigInt(version) };
}

function versionOf(item: Item, name: 'before' | 'after'): NotedVersion {
  const fields = item[name]?.M ?? {};
  return {
    version: Number(integer(fields, 'version')),
    digest: text(fields, 'digest'),
    opening: integer(fields, 'opening'),
    closing: integer(fields, 'closing'),
    due: integer(fields, 'due'),
  };
}

function noteFromItem(item: Item): LineNote {
  const count = (name: keyof MergeCounts) => Number(integer(item, name));
  return {
    invoice: text(item, 'sk'),
    before: versionOf(item, 'before'),
    after: versionOf(item, 'after'),
    ...{ inserted: count('inserted'), updated: count('updated'), unchanged: count('unchanged') },
    faults: JSON.parse(optionalText(item, 'faults') ?? '[]') as TieFault[],
  };
}
