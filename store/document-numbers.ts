import {
  GetItemCommand,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { documentNumber, type Invoice } from '../domain/invoices/invoice.ts';
import { type InvoicesStore, replaceInvoice } from './invoices.ts';
import { integer, toItem } from './items.ts';
import { retryTransient } from './retry.ts';
import { LAST_NUMBER, numbersPartition, sequenceText } from './tables.ts';

/**
 * Numbers of documents, without a gap in each series: a number and the document that has it are written in one
 * transaction, under the condition that it is the next one.
 */

/** A document that is to have a number. */
export interface Unnumbered {
  readonly before: Invoice;
  /** What the number begins with: `INV`. */
  readonly series: string;
  /** The document with its number. */
  readonly numbered: (number: string) => Invoice;
}

/** Documents of one transaction: two actions each, and one for each series, of 100 (AWS limit). */
export const NUMBERED_AT_ONCE = 40;

/**
 * Gives documents the next numbers of their series, in their order, all of them or none.
 * @param year part of the series: numbers begin anew each year.
 * @returns `overtaken` when others took the numbers, or changed one of the documents, meanwhile: read them again.
 */
export async function numberDocuments(
  store: InvoicesStore,
  documents: readonly Unnumbered[],
  year: string,
): Promise<{ readonly kind: 'numbered'; readonly invoices: readonly Invoice[] } | { readonly kind: 'overtaken' }> {
  const seriesNames = [...new Set(documents.map(({ series }) => series))];
  const lasts = await Promise.all(seriesNames.map((name) => lastNumber(store, `${name}-${year}`)));
  const counts = new Map(seriesNames.map((name, index) => [name, lasts[index] ?? 0]));
  const invoices: Invoice[] = [];
  const writes = documents.flatMap(({ before, series, numbered }): TransactWriteItem[] => {
    const count = (counts.get(series) ?? 0) + 1;
    counts.set(series, count);
    const number = documentNumber(series, year, count);
    const invoice = numbered(number);
    invoices.push(invoice);
    const item = { pk: numbersPartition(`${series}-${year}`), sk: sequenceText(count), number, invoice: invoice.id };
    const put = { Put: { TableName: store.billingTable, Item: toItem(item), ConditionExpression: NOT_THERE } };
    return [replaceInvoice(store, before, invoice), put];
  });
  const marks = seriesNames.map((name, index) => {
    return moveLast(store, `${name}-${year}`, lasts[index] ?? 0, counts.get(name) ?? 0);
  });
  const command = new TransactWriteItemsCommand({ TransactItems: [...marks, ...writes] });
  try {
    await retryTransient(() => store.client.send(command), store.clock);
    return { kind: 'numbered', invoices };
  } catch (error) {
    const reasons = error instanceof TransactionCanceledException ? (error.CancellationReasons ?? []) : [];
    if (!reasons.some(({ Code }) => Code === 'ConditionalCheckFailed')) throw error;
    return { kind: 'overtaken' };
  }
}

const NOT_THERE = 'attribute_not_exists(pk)';

function moveLast(store: InvoicesStore, series: string, from: number, to: number): TransactWriteItem {
  return {
    Put: {
      TableName: store.billingTable,
      Item: toItem({ pk: numbersPartition(series), sk: LAST_NUMBER, count: BigInt(to) }),
      ConditionExpression: from === 0 ? NOT_THERE : '#count = :from',
      ...(from > 0 && {
        ExpressionAttributeNames: { '#count': 'count' },
        ExpressionAttributeValues: toItem({ ':from': BigInt(from) }),
      }),
    },
  };
}

/** The last number given in a series; 0 while there is none. */
async function lastNumber(store: InvoicesStore, series: string): Promise<number> {
  const command = new GetItemCommand({
    TableName: store.billingTable,
    Key: toItem({ pk: numbersPartition(series), sk: LAST_NUMBER }),
    ConsistentRead: true,
  });
  const { Item: item } = await retryTransient(() => store.client.send(command), store.clock);
  return item === undefined ? 0 : Number(integer(item, 'count'));
}
