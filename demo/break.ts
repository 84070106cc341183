import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import type { Client } from '../contract/client.ts';
import { addMilliseconds } from '../domain/time.ts';
import { accountKey, momentKey, transferKey } from '../store/tables.ts';
import { evidenceOf, expectOk } from './play.ts';
import { type Random, sample } from './random.ts';
import { CUSTOMERS, type ServedRequest } from './traffic.ts';

/** One thing that was broken, and what a true reconciliation calls it. */
export interface Breakage {
  readonly kind:
    | 'missing'
    | 'duplicate'
    | 'amount-mismatch'
    | 'misdated'
    | 'unexpected'
    | 'conflicting-evidence'
    | 'balance-drift';
  readonly account: string;
  /** Absent for what concerns a balance and no request. */
  readonly requestId?: string;
  /** How it came about, in the words of somebody who had to find it. */
  readonly story: string;
}

export interface LedgerTable {
  readonly client: DynamoDBClient;
  readonly name: string;
}

/** How often each kind of damage is done. */
const TIMES = {
  missing: 7,
  duplicate: 5,
  amountMismatch: 4,
  misdated: 2,
  unexpected: 2,
  conflicting: 2,
  unknownAccount: 3,
};

/**
 * Breaks the books behind the API's back, in the ways that ledgers are found broken in the field. Every charge that is
 * touched keeps its balance in step, so that only the hand-edited balance is a drift of a balance.
 */
export async function breakBooks(
  table: LedgerTable,
  client: Client,
  requests: readonly ServedRequest[],
  random: Random,
): Promise<Breakage[]> {
  const victims = sample(
    random,
    requests,
    Object.values(TIMES).reduce((sum, times) => sum + times, 0),
  );
  const take = (times: number) => victims.splice(0, times);
  const done: Breakage[] = [];
  for (const request of take(TIMES.missing)) done.push(await loseCharge(table, request));
  for (const request of take(TIMES.duplicate)) done.push(await bookTwice(table, request));
  for (const request of take(TIMES.amountMismatch)) done.push(await misprice(table, request));
  for (const request of take(TIMES.misdated)) done.push(await misdate(table, request));
  for (const request of take(TIMES.unexpected)) done.push(await chargeForNothing(table, request));
  for (const request of take(TIMES.conflicting)) done.push(await contradict(client, request));
  for (const request of take(TIMES.unknownAccount)) done.push(await useWithoutAccount(client, request));
  done.push(await editBalance(table, CUSTOMERS[0] ?? ''));
  return done;
}

async function loseCharge(table: LedgerTable, request: ServedRequest): Promise<Breakage> {
  const charge = await chargeOf(table, request);
  await write(table, [
    { Delete: { TableName: table.name, Key: { pk: { S: transferKey(request.requestId) } } } },
    moveBalance(table, request.account, -amountOf(charge)),
  ]);
  return { kind: 'missing', ...placeOf(request), story: 'the write failed after the call was served' };
}

async function bookTwice(table: LedgerTable, request: ServedRequest): Promise<Breakage> {
  const charge = await chargeOf(table, request);
  const id = `retry-of-${request.requestId}`;
  await write(table, [
    { Put: { TableName: table.name, Item: { ...charge, pk: { S: transferKey(id) }, id: { S: id } } } },
    moveBalance(table, request.account, amountOf(charge)),
  ]);
  return { kind: 'duplicate', ...placeOf(request), story: 'a retry was booked under another id' };
}

async function misprice(table: LedgerTable, request: ServedRequest): Promise<Breakage> {
  await change(
    table,
    request.requestId,
    'SET amount = amount + :seven',
    { ':seven': { N: '7' } },
    moveBalance(table, request.account, 7n),
  );
  return { kind: 'amount-mismatch', ...placeOf(request), story: 'an old price was applied, 7 too much' };
}

async function misdate(table: LedgerTable, request: ServedRequest): Promise<Breakage> {
  // Three seconds aside, towards noon so that the day stays the same.
  const isMorning = request.at.slice(11, 13) < '12';
  const at = addMilliseconds(request.at, isMorning ? 3000 : -3000);
  const values = { ':at': { S: at }, ':moment': { S: momentKey(at, request.requestId) } };
  await change(table, request.requestId, 'SET effectiveAt = :at, debitAt = :moment', values);
  return { kind: 'misdated', ...placeOf(request), story: 'the charge carries another time than the use' };
}

async function chargeForNothing(table: LedgerTable, request: ServedRequest): Promise<Breakage> {
  const charge = await chargeOf(table, request);
  const id = `phantom-${request.requestId}`;
  const ids = {
    pk: { S: transferKey(id) },
    id: { S: id },
    requestId: { S: id },
    debitAt: { S: momentKey(request.at, id) },
  };
  await write(table, [
    { Put: { TableName: table.name, Item: { ...charge, ...ids } } },
    moveBalance(table, request.account, amountOf(charge)),
  ]);
  return {
    kind: 'unexpected',
    account: request.account,
    requestId: id,
    story: 'a charge that nobody can show use for',
  };
}

async function contradict(client: Client, request: ServedRequest): Promise<Breakage> {
  const operation = request.operation === 'search' ? 'embedding' : 'search';
  const quantities = operation === 'search' ? {} : { input_tokens: '1' };
  expectOk(await client.recordUsage({ body: { ...evidenceOf(request), operation, quantities } }));
  return { kind: 'conflicting-evidence', ...placeOf(request), story: 'two witnesses disagree about one request' };
}

async function useWithoutAccount(client: Client, request: ServedRequest): Promise<Breakage> {
  const ghost = { ...request, account: 'customer:ghost', requestId: `ghost-${request.requestId}` };
  expectOk(await client.recordUsage({ body: evidenceOf(ghost) }));
  return { kind: 'missing', ...placeOf(ghost), story: 'use of an account that nobody opened' };
}

async function editBalance(table: LedgerTable, account: string): Promise<Breakage> {
  // 861 in the ledger, 416 in the counter: the drift that an operator once found by hand.
  await write(table, [moveBalance(table, account, 416n - 861n)]);
  return { kind: 'balance-drift', account, story: 'somebody edited the balance by hand' };
}

type Item = Record<string, AttributeValue>;

async function chargeOf(table: LedgerTable, request: ServedRequest): Promise<Item> {
  const key = { pk: { S: transferKey(request.requestId) } };
  const { Item: item } = await table.client.send(new GetItemCommand({ TableName: table.name, Key: key }));
  if (item === undefined) throw new Error(`The charge ${request.requestId} is not in the ledger.`);
  return item;
}

function amountOf(charge: Item): bigint {
  return BigInt(charge.amount?.N ?? '0');
}

function moveBalance(table: LedgerTable, account: string, charged: bigint): TransactWriteItem {
  return {
    Update: {
      TableName: table.name,
      Key: { pk: { S: accountKey(account) } },
      UpdateExpression: 'SET debits = debits + :charged, available = available - :charged',
      ExpressionAttributeValues: { ':charged': { N: charged.toString() } },
    },
  };
}

async function change(
  table: LedgerTable,
  id: string,
  expression: string,
  values: Item,
  ...others: TransactWriteItem[]
) {
  const key = { pk: { S: transferKey(id) } };
  const update = { TableName: table.name, Key: key, UpdateExpression: expression, ExpressionAttributeValues: values };
  await write(table, [{ Update: update }, ...others]);
}

async function write(table: LedgerTable, items: TransactWriteItem[]): Promise<void> {
  await table.client.send(new TransactWriteItemsCommand({ TransactItems: items }));
}

function placeOf({ account, requestId }: ServedRequest) {
  return { account, requestId };
}
