import { isDeepStrictEqual } from 'node:util';
import {
  type AttributeValue,
  BatchWriteItemCommand,
  DescribeTableCommand,
  paginateScan,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import type { Artifacts } from '../../store/artifacts.ts';
import type { TestBooks } from './books.ts';

type Item = Record<string, AttributeValue>;

/** How many items one BatchWriteItem may write. */
const BATCH = 25;

/** Remembers every item of the books; what it gives brings the tables back to them. */
export async function rememberTables(books: TestBooks): Promise<() => Promise<void>> {
  const names = [books.ledgerTable, books.usageTable, books.operationsTable, books.billingTable];
  const remembered = await Promise.all(names.map(async (name) => ({ name, items: await itemsOf(books, name) })));
  return async () => {
    await Promise.all(remembered.map(({ name, items }) => restoreTable(books, name, items)));
  };
}

async function restoreTable(books: TestBooks, name: string, wanted: ReadonlyMap<string, Item>): Promise<void> {
  const there = await itemsOf(books, name);
  const keys = await keysOf(books, name);
  const writes: WriteRequest[] = [];
  for (const [id, item] of there) {
    if (wanted.has(id)) continue;
    writes.push({ DeleteRequest: { Key: Object.fromEntries(keys.map((key) => [key, item[key] as AttributeValue])) } });
  }
  for (const [id, item] of wanted) {
    if (!isDeepStrictEqual(there.get(id), item)) writes.push({ PutRequest: { Item: item } });
  }
  for (let from = 0; from < writes.length; from += BATCH) {
    const RequestItems = { [name]: writes.slice(from, from + BATCH) };
    await books.client.send(new BatchWriteItemCommand({ RequestItems }));
  }
}

async function itemsOf(books: TestBooks, name: string): Promise<Map<string, Item>> {
  const keys = await keysOf(books, name);
  const items = new Map<string, Item>();
  for await (const page of paginateScan({ client: books.client }, { TableName: name, ConsistentRead: true })) {
    for (const item of page.Items ?? []) items.set(JSON.stringify(keys.map((key) => item[key])), item);
  }
  return items;
}

async function keysOf({ client }: TestBooks, name: string): Promise<string[]> {
  const { Table: table } = await client.send(new DescribeTableCommand({ TableName: name }));
  return (table?.KeySchema ?? []).map(({ AttributeName = '' }) => AttributeName);
}

/** Remembers every object of a bucket; what it gives brings the bucket back to them. */
export async function rememberFiles({ client, bucket: Bucket }: Artifacts): Promise<() => Promise<void>> {
  const listed = await etagsOf();
  const files = await Promise.all(
    [...listed].map(async ([Key, etag]) => {
      const { Body, ContentType } = await client.send(new GetObjectCommand({ Bucket, Key }));
      const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
      return { Key, etag, ContentType, Body: bytes };
    }),
  );

  async function etagsOf(): Promise<Map<string, string>> {
    const etags = new Map<string, string>();
    for await (const { Contents: objects = [] } of paginateListObjectsV2({ client }, { Bucket })) {
      for (const { Key = '', ETag = '' } of objects) etags.set(Key, ETag);
    }
    return etags;
  }

  return async () => {
    const there = await etagsOf();
    for (const Key of there.keys()) {
      if (!listed.has(Key)) await client.send(new DeleteObjectCommand({ Bucket, Key }));
    }
    for (const { etag, ...file } of files) {
      if (there.get(file.Key) !== etag) await client.send(new PutObjectCommand({ Bucket, ...file }));
    }
  };
}
