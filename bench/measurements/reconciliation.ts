import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type DynamoDBClient, paginateQuery, type QueryCommandInput } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { chart } from '../../config/chart.ts';
import { planSlices, type Slice } from '../../domain/reconciliation/slices.ts';
import { addDays, type Day } from '../../domain/time.ts';
import { makeHandler } from '../../functions/workflow/reconcile-slice.ts';
import { readParts } from '../../functions/workflow/reconciliation/parts.ts';
import { readSettings } from '../../store/settings.ts';
import { BUCKETS, bucketName } from '../../store/tables.ts';
import { type AccountShare, fillBooks } from '../books.ts';
import { costOfReconciling, RECONCILIATION_MODEL, totalOf } from '../cost.ts';
import { type Figure, median, medianRatio, takeTurns } from '../figures.ts';
import { ratePerSecond } from '../load.ts';
import { PRICES_DATE } from '../prices.ts';
import { dynamoDbClient, type Setting } from '../setting.ts';
import { meter, recordQueries } from '../taps.ts';

/** Two accounts with much of the traffic and many with little; strict ones, and derived ones in four shards each. */
const SHARES: readonly AccountShare[] = [
  { account: 'customer:large', pairs: 30_000 },
  { account: 'postpaid:large', pairs: 30_000 },
  ...Array.from({ length: 60 }, (_, index) => ({ account: `customer:small-${index}`, pairs: 400 })),
  ...Array.from({ length: 20 }, (_, index) => ({ account: `postpaid:small-${index}`, pairs: 800 })),
];
const PAIRS = SHARES.reduce((sum, { pairs }) => sum + pairs, 0);
const ROUNDS = 3;
const SCALED_PAIRS = 100_000_000;
/** Queries under way at once while draining: as many as the slices have while they read accounts ahead. */
const QUERIES_AT_ONCE = 48;

/**
 * All slices of a day, one after the other, against reading the same partitions with the same queries and doing nothing
 * with what comes.
 */
export async function measure(setting: Setting): Promise<Figure[]> {
  // The day before the one that charges are made for, so that nothing else is in these books.
  const day = addDays(setting.day, -1);
  await fillBooks(setting, day, SHARES, await rateCardsOf(setting));
  const buckets = Array.from({ length: BUCKETS }, (_, index) => bucketName(index));
  const slices = Map.groupBy(planSlices({ start: day, end: setting.day }, buckets), ({ kind }) => kind);
  const usage = await contendersOf(setting, day, slices.get('usage') ?? []);
  const balances = await contendersOf(setting, day, slices.get('balances') ?? []);
  if (usage.pairs !== PAIRS) throw new Error(`Of ${PAIRS} stored pairs ${usage.pairs} were compared.`);

  const turns = await takeTurns(ROUNDS, {
    usage: usage.reconcile,
    usageDrain: usage.drain,
    balances: balances.reconcile,
    balancesDrain: balances.drain,
  });
  const readUnits = usage.readUnits + balances.readUnits;
  return [ratioFigure(turns), costFigure(readUnits, [turns.usage, turns.balances])];
}

/** How long something took, and how long the processor was busy with it in this process. */
interface Turn {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

type Turns = Readonly<Record<'usage' | 'usageDrain' | 'balances' | 'balancesDrain', readonly Turn[]>>;

function ratioFigure(turns: Turns): Figure {
  const seconds = (one: readonly Turn[]) => one.map((turn) => turn.seconds);
  const sums = (a: readonly Turn[], b: readonly Turn[]) =>
    a.map((turn, round) => turn.seconds + (b[round]?.seconds ?? 0));
  const whole = sums(turns.usage, turns.balances);
  return {
    name: 'reconciling a day, against merely draining the same partitions',
    measured: medianRatio(sums(turns.usageDrain, turns.balancesDrain), whole),
    target: { atLeast: 0.8 },
    note: `${PAIRS} pairs of ${SHARES.length} accounts, ${ROUNDS} rounds; the slices' own code and queries, the engine directly`,
    details: {
      'usage slices': medianRatio(seconds(turns.usageDrain), seconds(turns.usage)),
      'balance slices': medianRatio(seconds(turns.balancesDrain), seconds(turns.balances)),
      'pairs per second': PAIRS / median(whole),
    },
  };
}

function costFigure(readUnits: number, kinds: readonly (readonly Turn[])[]): Figure {
  const cpuSeconds = kinds.reduce((sum, turns) => sum + median(turns.map((turn) => turn.cpuSeconds)), 0);
  const each = { readUnits: readUnits / PAIRS, cpuSeconds: cpuSeconds / PAIRS };
  const cost = costOfReconciling(SCALED_PAIRS, each);
  return {
    name: 'reconciling a hundred million pairs',
    measured: totalOf(cost),
    unit: 'USD',
    note: `prices of ${PRICES_DATE}; ${RECONCILIATION_MODEL}`,
    details: { ...cost, 'read units per pair': each.readUnits, 'microseconds of CPU per pair': each.cpuSeconds * 1e6 },
  };
}

/** Reconciling some slices, and draining what they read. */
async function contendersOf(setting: Setting, day: Day, slices: readonly Slice[]) {
  const s3 = new S3Client({ ...setting, endpoint: setting.endpointUrl, forcePathStyle: true });
  const artifacts = { client: s3, bucket: setting.artifactsBucket };
  const reconcileBy = (client: DynamoDBClient) => {
    const handler = makeHandler({
      books: { client, ledgerTable: setting.tables.ledger, usageTable: setting.tables.usage },
      runs: { client, operationsTable: setting.tables.operations },
      // Usage alone is compared here, for which no invoice is read.
      invoices: { client, billingTable: '' },
      artifacts,
      chart,
      readRateCards: () => rateCardsOf(setting),
      now: () => `${day}T23:59:59.999Z`,
      newId: randomUUID,
      wait: (milliseconds) => delay(milliseconds),
      sweptUntil: async () => undefined,
    });
    return (id: string) => handler({ BatchInput: { run: runOf(id, day, slices.length) }, Items: slices });
  };

  const watched = dynamoDbClient(setting);
  // In this order: what the meter adds to a query is no part of it.
  const [queries, counted] = [recordQueries(watched), meter(watched)];
  const id = `bench-${slices[0]?.kind}`;
  await reconcileBy(watched)(id);
  watched.destroy();
  const { pairs, findings } = (await readParts(artifacts, id, slices)).counter.result();
  if (Object.values(findings).some((count) => count > 0)) throw new Error('The books do not agree as they should.');

  const client = dynamoDbClient(setting);
  const reconcile = reconcileBy(client);
  const books = queries.filter(({ TableName }) => TableName !== setting.tables.operations);
  return {
    pairs,
    readUnits: counted.readUnits,
    reconcile: (round: number) => timed(() => reconcile(`${id}-${round}`)),
    drain: () => timed(() => ratePerSecond(books, QUERIES_AT_ONCE, (query) => drain(client, query))),
  };
}

async function drain(client: DynamoDBClient, query: QueryCommandInput): Promise<void> {
  for await (const _ of paginateQuery({ client }, { ...query }));
}

async function rateCardsOf(setting: Setting) {
  const client = dynamoDbClient(setting);
  const { rateCards } = await readSettings({ client, operationsTable: setting.tables.operations });
  client.destroy();
  return rateCards;
}

function runOf(id: string, day: Day, slices: number) {
  const startedAt = `${day}T23:59:59.999Z`;
  const request = { id, trigger: 'request' as const, startDate: day, endDate: day, requestedAt: startedAt };
  return { ...request, execution: id, startedAt, slices, slicesKey: '' };
}

async function timed(work: () => Promise<unknown>): Promise<Turn> {
  const [startedAt, before] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - startedAt) / 1000, cpuSeconds: (user + system) / 1_000_000 };
}
