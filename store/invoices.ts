import { isDeepStrictEqual } from 'node:util';
import {
  type DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  type QueryCommandInput,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import type {
  DocumentKind,
  Invoice,
  InvoiceName,
  InvoiceOutcome,
  InvoiceStatus,
  InvoiceVersion,
} from '../domain/invoices/invoice.ts';
import { parseInvoiceId } from '../domain/invoices/invoice.ts';
import { type InvoiceLine, lineKeyText } from '../domain/invoices/lines.ts';
import type { TieFault } from '../domain/invoices/tie-out.ts';
import type { Month } from '../domain/time.ts';
import { type Item, integer, optionalText, text, toItem } from './items.ts';
import { type RetryClock, retryTransient } from './retry.ts';
import { bucketOf, invoiceSortKey, invoicesPartition, linesPartition, versionsPartition } from './tables.ts';

/**
 * Invoices. Each is an item that says how it stands; every change of it is written under the condition that nobody
 * changed it meanwhile. Its versions and their lines are put once and stay.
 */
export interface InvoicesStore {
  readonly client: DynamoDBClient;
  readonly billingTable: string;
  readonly clock?: RetryClock;
}

export async function getInvoice(store: InvoicesStore, name: InvoiceName): Promise<Invoice | undefined> {
  const command = new GetItemCommand({
    TableName: store.billingTable,
    Key: toItem(invoiceKey(name)),
    ConsistentRead: true,
  });
  const { Item: item } = await retryTransient(() => store.client.send(command), store.clock);
  return item && invoiceFromItem(item);
}

/** The invoices of a bucket's accounts in a month, and what corrects them, in order of their keys. */
export function listInvoices(store: InvoicesStore, month: Month, bucket: string): AsyncGenerator<Invoice> {
  return itemsOf(
    store,
    {
      KeyConditionExpression: 'pk = :invoices',
      ExpressionAttributeValues: toItem({ ':invoices': invoicesPartition(month, bucket) }),
    },
    invoiceFromItem,
  );
}

/** A page of the same, for a list that somebody leafs through. */
export async function pageOfInvoices(
  store: InvoicesStore,
  month: Month,
  bucket: string,
  { after, limit }: { readonly after?: string | undefined; readonly limit: number },
): Promise<{ readonly invoices: readonly Invoice[]; readonly next?: string }> {
  const pk = invoicesPartition(month, bucket);
  const command = new QueryCommand({
    TableName: store.billingTable,
    KeyConditionExpression: 'pk = :invoices',
    ExpressionAttributeValues: toItem({ ':invoices': pk }),
    Limit: limit,
    ...(after !== undefined && { ExclusiveStartKey: toItem({ pk, sk: after }) }),
    ConsistentRead: true,
  });
  const { Items = [], LastEvaluatedKey } = await retryTransient(() => store.client.send(command), store.clock);
  const invoices = Items.map(invoiceFromItem);
  return LastEvaluatedKey === undefined ? { invoices } : { invoices, next: text(LastEvaluatedKey, 'sk') };
}

/** The credit notes and debit adjustments of an invoice, in order. */
export function correctionsOf(
  store: InvoicesStore,
  { month, account }: Pick<InvoiceName, 'month' | 'account'>,
): Promise<Invoice[]> {
  const query = {
    KeyConditionExpression: 'pk = :invoices AND begins_with(sk, :account)',
    ExpressionAttributeValues: toItem({
      ':invoices': invoicesPartition(month, bucketOf(account)),
      ':account': `${account}~`,
    }),
  };
  return Array.fromAsync(itemsOf(store, query, invoiceFromItem));
}

/** The lines of a version, in the order of their keys. */
export function readLines(
  store: InvoicesStore,
  { id, digest }: Pick<Invoice, 'id' | 'digest'>,
): Promise<InvoiceLine[]> {
  const query = {
    KeyConditionExpression: 'pk = :lines',
    ExpressionAttributeValues: toItem({ ':lines': linesPartition(id, digest) }),
  };
  return Array.fromAsync(itemsOf(store, query, lineFromItem));
}

/** All versions of an invoice, oldest first. */
export function readVersions(store: InvoicesStore, invoiceId: string): Promise<InvoiceVersion[]> {
  const query = {
    KeyConditionExpression: 'pk = :versions',
    ExpressionAttributeValues: toItem({ ':versions': versionsPartition(invoiceId) }),
  };
  return Array.fromAsync(itemsOf(store, query, versionFromItem));
}

/** What is written with a change of an invoice, all or nothing. */
export interface WriteOptions {
  /** The lines of a new version. */
  readonly lines?: readonly InvoiceLine[];
  readonly items?: readonly TransactWriteItem[];
}

/** Actions of one transaction (AWS limit). */
const TRANSACTION_ACTIONS_MAX = 100;

/**
 * Writes an invoice over exactly what it was made from; nothing where there was none. A new version is put with its lines.
 * @returns `overtaken` when somebody else changed it meanwhile; then nothing is changed.
 */
export async function writeInvoice(
  store: InvoicesStore,
  before: Invoice | undefined,
  after: Invoice,
  { lines, items = [] }: WriteOptions = {},
): Promise<'written' | 'overtaken'> {
  const head = replaceInvoice(store, before, after);
  const isNewVersion = lines !== undefined && before?.version !== after.version;
  const puts = isNewVersion ? lines.map((line) => putOf(store, lineItem(after, line))) : [];
  const last = [head, ...(isNewVersion ? [putVersion(store, after)] : []), ...items];
  const room = TRANSACTION_ACTIONS_MAX - last.length;
  // Lines are found by the digest of the version that they belong to, which nobody asks for before it is published.
  for (; puts.length > room; ) await send(store, puts.splice(0, TRANSACTION_ACTIONS_MAX));
  try {
    await send(store, [...last, ...puts]);
    return 'written';
  } catch (error) {
    const [refusal] = error instanceof TransactionCanceledException ? (error.CancellationReasons ?? []) : [];
    if (refusal?.Code !== 'ConditionalCheckFailed') throw error;
    // An attempt whose answer was lost has written exactly this.
    return isDeepStrictEqual(refusal.Item, head.Put.Item) ? 'written' : 'overtaken';
  }
}

/** The put of an invoice over what it was made from. */
export function replaceInvoice(store: InvoicesStore, before: Invoice | undefined, after: Invoice) {
  const only =
    before === undefined
      ? { ConditionExpression: 'attribute_not_exists(pk)' }
      : {
          ConditionExpression: 'revision = :revision',
          ExpressionAttributeValues: toItem({ ':revision': BigInt(before.revision) }),
        };
  return {
    Put: {
      TableName: store.billingTable,
      Item: invoiceItem(after),
      ...only,
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  } as const satisfies TransactWriteItem;
}

async function send(store: InvoicesStore, TransactItems: TransactWriteItem[]): Promise<void> {
  const command = new TransactWriteItemsCommand({ TransactItems });
  await retryTransient(() => store.client.send(command), store.clock);
}

function putOf(store: InvoicesStore, item: Item): TransactWriteItem {
  return { Put: { TableName: store.billingTable, Item: item } };
}

/** Without a condition: who moves an invoice from one version to the next is decided by its revision. */
function putVersion(store: InvoicesStore, { id, version, digest, madeBy, madeAt, due, lineCount }: Invoice) {
  const sk = version.toString().padStart(VERSION_DIGITS, '0');
  const fields = { version: BigInt(version), digest, run: madeBy, madeAt, due, lineCount: BigInt(lineCount) };
  return putOf(store, toItem({ pk: versionsPartition(id), sk, ...fields }));
}

const VERSION_DIGITS = 6;

/** Reads all pages of a query. */
async function* itemsOf<T>(
  store: InvoicesStore,
  query: Omit<QueryCommandInput, 'TableName'>,
  read: (item: Item) => T,
): AsyncGenerator<T> {
  let after: Item | undefined;
  do {
    const command: QueryCommand = new QueryCommand({
      TableName: store.billingTable,
      ...query,
      ExclusiveStartKey: after,
      ConsistentRead: true,
    });
    const { Items = [], LastEvaluatedKey } = await retryTransient(() => store.client.send(command), store.clock);
    for (const item of Items) yield read(item);
    after = LastEvaluatedKey;
  } while (after !== undefined);
}

function invoiceKey({ month, account, sequence }: InvoiceName): { pk: string; sk: string } {
  return { pk: invoicesPartition(month, bucketOf(account)), sk: invoiceSortKey(account, sequence) };
}

/** Where an invoice stands among those of its bucket: what a list is gone on with behind it. */
export function sortKeyOf({ id }: Pick<Invoice, 'id'>): string {
  return invoiceKey(nameOf(id)).sk;
}

function nameOf(id: string): InvoiceName {
  const name = parseInvoiceId(id);
  if (name === undefined) throw new TypeError(`"${id}" is not the id of an invoice.`);
  return name;
}

function invoiceItem({ faults, revision, version, lineCount, ...fields }: Invoice): Item {
  return toItem({
    ...invoiceKey(nameOf(fields.id)),
    ...fields,
    revision: BigInt(revision),
    version: BigInt(version),
    lineCount: BigInt(lineCount),
    ...(faults.length > 0 && { faults: JSON.stringify(faults) }),
  });
}

const OPTIONAL_TEXTS = ['original', 'review', 'statusBefore', 'number', 'finalizedAt'] as const;

function invoiceFromItem(item: Item): Invoice {
  const optional = OPTIONAL_TEXTS.flatMap((name) => {
    const value = optionalText(item, name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    id: text(item, 'id'),
    account: text(item, 'account'),
    month: text(item, 'month'),
    kind: text(item, 'kind') as DocumentKind,
    asset: text(item, 'asset'),
    status: text(item, 'status') as InvoiceStatus,
    revision: Number(integer(item, 'revision')),
    version: Number(integer(item, 'version')),
    digest: text(item, 'digest'),
    opening: integer(item, 'opening'),
    closing: integer(item, 'closing'),
    due: integer(item, 'due'),
    ledgerTotal: integer(item, 'ledgerTotal'),
    lineCount: Number(integer(item, 'lineCount')),
    faults: JSON.parse(optionalText(item, 'faults') ?? '[]') as TieFault[],
    madeBy: text(item, 'madeBy'),
    madeAt: text(item, 'madeAt'),
    lastRun: text(item, 'lastRun'),
    lastOutcome: text(item, 'lastOutcome') as InvoiceOutcome,
    ...Object.fromEntries(optional),
  };
}

function lineItem({ id, digest }: Invoice, line: InvoiceLine): Item {
  return toItem({ pk: linesPartition(id, digest), sk: lineKeyText(line), ...line });
}

function lineFromItem(item: Item): InvoiceLine {
  return {
    unit: text(item, 'unit'),
    type: text(item, 'type'),
    description: text(item, 'description'),
    quantity: integer(item, 'quantity'),
    amount: integer(item, 'amount'),
  };
}

function versionFromItem(item: Item): InvoiceVersion {
  return {
    version: Number(integer(item, 'version')),
    digest: text(item, 'digest'),
    run: text(item, 'run'),
    madeAt: text(item, 'madeAt'),
    due: integer(item, 'due'),
    lineCount: Number(integer(item, 'lineCount')),
  };
}
