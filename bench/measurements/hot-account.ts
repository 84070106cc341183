import { QueryCommand } from '@aws-sdk/client-dynamodb';
import { chart } from '../../config/chart.ts';
import { BATCH_ELEMENTS_MAX } from '../../contract/limits.ts';
import { chartEntryOf } from '../../domain/chart.ts';
import { BY_DEBIT, dayPartitions } from '../../store/tables.ts';
import { batchOf, type Charge, chargesOf, DERIVED_ACCOUNT, STRICT_ACCOUNTS } from '../charges.ts';
import { curveDetails, growing, most, type Point } from '../curve.ts';
import type { Figure } from '../figures.ts';
import { apiMessage, ratePerSecond, send } from '../load.ts';
import { dynamoDbClient, type Setting } from '../setting.ts';

/** Charges a second: up to more than one machine of two cores can do. */
const RATES = [100, 200, 400, 800];
/** Batches a second, of a hundred charges each. */
const BATCH_RATES = [4, 8, 16, 32];
const SECONDS = 3;
const AT_ONCE_MAX = 64;
const WARM_UP_CHARGES = 1_000;

/** Entries that one partition of an index takes in a second (AWS limit of 1,000 write units; an entry is one). */
const PARTITION_WRITES = 1_000;

/**
 * One account that everybody charges, at a growing rate: with a strict balance, singly and in batches, and with a derived
 * one, whose entries are spread over shards.
 */
export async function measure(setting: Setting): Promise<Figure[]> {
  const strict = STRICT_ACCOUNTS[0] ?? '';
  const warmUp = chargesOf(setting, 'hot-warm-up', WARM_UP_CHARGES, strict);
  await ratePerSecond(warmUp, 8, (charge) => send(apiMessage(setting, charge)));

  const single = await chargeGrowing(setting, 'hot-strict', strict);
  const batched = await growing({
    rates: BATCH_RATES,
    seconds: SECONDS,
    atOnceMax: AT_ONCE_MAX,
    workOf: (rate, count) =>
      Array.from({ length: count }, (_, index) =>
        chargesOf(setting, `hot-batch-${rate}-${index}`, BATCH_ELEMENTS_MAX, strict),
      ),
    perform: (charges) => sendBatch(setting, charges),
  });
  const derived = await chargeGrowing(setting, 'hot-derived', DERIVED_ACCOUNT);
  const { shards, busiest } = await spreadOf(setting);
  return [
    {
      name: 'charges of one strict account through HTTP, at best',
      measured: most(single),
      unit: 'per second',
      note: `open loop, ${SECONDS} s at each rate, latency from arrival; the embedded engine does one write after the other and never reports a conflict; on AWS one account takes about 500 a second, and conflicts are tried again`,
      details: curveDetails(single),
    },
    {
      name: `the same in batches of ${BATCH_ELEMENTS_MAX}`,
      measured: most(batched, BATCH_ELEMENTS_MAX),
      unit: 'per second',
      note: 'charges, not batches, whose latencies these are; each batch updates the balance twice, whatever its size',
      details: curveDetails(batched, BATCH_ELEMENTS_MAX),
    },
    {
      name: `charges of one derived account in ${shards} shards through HTTP, at best`,
      measured: most(derived),
      unit: 'per second',
      note: `no item of the account is written, so that its shards are its limit on AWS; the limit is a model: ${PARTITION_WRITES} entries a second of a partition, divided by the share of the busiest one, which is measured`,
      details: {
        ...curveDetails(derived),
        'share of the busiest shard': busiest,
        'limit on AWS per second': PARTITION_WRITES / busiest,
        'limit on AWS in one shard': PARTITION_WRITES,
      },
    },
  ];
}

function chargeGrowing(setting: Setting, series: string, account: string): Promise<readonly Point[]> {
  return growing({
    rates: RATES,
    seconds: SECONDS,
    atOnceMax: AT_ONCE_MAX,
    workOf: (rate, count) => chargesOf(setting, `${series}-${rate}`, count, account),
    perform: (charge) => send(apiMessage(setting, charge)),
  });
}

/** How the charges of the derived account came to lie: over how many partitions, and how much of all is in the fullest. */
async function spreadOf(setting: Setting): Promise<{ readonly shards: number; readonly busiest: number }> {
  const entry = chartEntryOf(chart, DERIVED_ACCOUNT);
  if (entry === undefined) throw new Error(`The chart of accounts does not know ${DERIVED_ACCOUNT}.`);
  const client = dynamoDbClient(setting);
  const partitions = dayPartitions(DERIVED_ACCOUNT, setting.day, entry);
  const counts = await Promise.all(partitions.map((partition) => countOf(setting, client, partition)));
  client.destroy();
  const all = counts.reduce((sum, count) => sum + count, 0);
  return { shards: partitions.length, busiest: Math.max(...counts) / all };
}

async function countOf({ tables }: Setting, client: ReturnType<typeof dynamoDbClient>, partition: string) {
  const query = new QueryCommand({
    TableName: tables.ledger,
    IndexName: BY_DEBIT,
    KeyConditionExpression: 'debitDay = :partition',
    ExpressionAttributeValues: { ':partition': { S: partition } },
    Select: 'COUNT',
  });
  const { Count = 0 } = await client.send(query);
  return Count;
}

/** @throws Error unless every charge of the batch was created: each element has a result of its own. */
async function sendBatch({ apiUrl, key }: Setting, charges: readonly Charge[]): Promise<void> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const body = JSON.stringify(batchOf(charges));
  const answer = await fetch(`${apiUrl}/v1/batches`, { method: 'POST', headers, body });
  const { counts } = (await answer.json()) as { readonly counts?: Readonly<Record<string, number>> };
  if (counts?.created !== charges.length) {
    throw new Error(`A batch was answered ${answer.status} and came to ${JSON.stringify(counts)}.`);
  }
}
