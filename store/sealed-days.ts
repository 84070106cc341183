import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Json } from '../domain/canonical-json.ts';
import type { ChartEntry } from '../domain/chart.ts';
import { mergePages } from '../domain/reconciliation/merge.ts';
import type { Pages } from '../domain/reconciliation/rows.ts';
import { compareEntries, entryContent, type LedgerEntry } from '../domain/seals/entries.ts';
import type { Day } from '../domain/time.ts';
import { sha256 } from './audit.ts';
import { type Books, queryPages, SIDES } from './books.ts';
import { type Item, optionalText, text, toItem } from './items.ts';
import { dayPartitions, transferKey } from './tables.ts';

/** The ledger for those who read whole days of it. */
export type LedgerBook = Omit<Books, 'usageTable'>;

/**
 * All that the ledger lists under an account on a day, in the order of (time, request id, id). Items are taken as they
 * are: one that somebody wrote past this code is an entry like any other. Reading starts at once; can be read once.
 */
export function readLedgerDay(
  books: LedgerBook,
  account: string,
  day: Day,
  entry: Pick<ChartEntry, 'shards'>,
): AsyncIterable<LedgerEntry> {
  const rows = SIDES.flatMap((side) =>
    dayPartitions(account, day, entry).map((partition) => {
      const query = {
        TableName: books.ledgerTable,
        IndexName: side.index,
        KeyConditionExpression: `${side.day} = :partition`,
        ExpressionAttributeValues: toItem({ ':partition': partition }),
      };
      return queryPages(books, query, (items) => items.map((item) => rowOf(item, account, side.at)));
    }),
  );
  return inOrderOfIds(mergePages(rows));
}

interface Row {
  readonly key: string;
  readonly entry: LedgerEntry;
}

const TRANSFER_PREFIX = transferKey('');

function rowOf(item: Item, account: string, atName: string): Row {
  const [pk, at] = [text(item, 'pk'), text(item, atName)];
  return {
    key: at,
    entry: {
      account,
      at,
      digest: sha256(entryContent(attributesOf(item))),
      id: pk.startsWith(TRANSFER_PREFIX) ? pk.slice(TRANSFER_PREFIX.length) : pk,
      recordedAt: optionalText(item, 'recordedAt') ?? '',
    },
  };
}

/** An index has items of one sort key in no order that anybody may rely on. */
async function* inOrderOfIds(pages: Pages<Row>): AsyncGenerator<LedgerEntry> {
  let group: LedgerEntry[] = [];
  for await (const page of pages) {
    for (const { key, entry } of page) {
      if (group.length > 0 && group[0]?.at !== key) {
        yield* group.sort(compareEntries);
        group = [];
      }
      group.push(entry);
    }
  }
  yield* group.sort(compareEntries);
}

function attributesOf(item: Item): { readonly [name: string]: Json } {
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, attributeJson(value)]));
}

/** An attribute in the form of DynamoDB JSON; sets, which have no order, in the order of their texts. */
function attributeJson(value: AttributeValue): Json {
  if (value.S !== undefined) return { S: value.S };
  if (value.N !== undefined) return { N: value.N };
  if (value.BOOL !== undefined) return { BOOL: value.BOOL };
  if (value.M !== undefined) return { M: attributesOf(value.M) };
  if (value.L !== undefined) return { L: value.L.map(attributeJson) };
  if (value.SS !== undefined) return { SS: value.SS.toSorted() };
  if (value.NS !== undefined) return { NS: value.NS.toSorted() };
  if (value.B !== undefined) return { B: base64(value.B) };
  if (value.BS !== undefined) return { BS: value.BS.map(base64).toSorted() };
  return { NULL: true };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
