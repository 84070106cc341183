import { availableParallelism } from 'node:os';
import { type DynamoDBClient, paginateQuery, type QueryCommandInput } from '@aws-sdk/client-dynamodb';
import { planSlices, type Slice } from '../../domain/reconciliation/slices.ts';
import { addDays, type Day } from '../../domain/time.ts';
import { readParts } from '../../functions/workflow/reconciliation/parts.ts';
import { BUCKETS, bucketName } from '../../store/tables.ts';
import { type AccountShare, fillBooks } from '../books.ts';
import { costOfReconciling, RECONCILIATION_MODEL, totalOf } from '../cost.ts';
import { type Figure, median, medianRatio, takeTurns } from '../figures.ts';
import { ratePerSecond } from '../load.ts';
import { PRICES_DATE } from '../prices.ts';
import { SCALING_MODEL, scalingOf } from '../scaling.ts';
import { dynamoDbClient, type Setting } from '../setting.ts';
import { artifactsOf, rateCardsOf, reconcilerOf } from '../slices.ts';
import { meter, recordQueries } from '../taps.ts';
import { startWorkers } from '../workers.ts';

/** Two accounts with much of the traffic and many with little; strict ones, and derived ones in four shards each. */
const SHARES: readonly AccountShare[] = [
  { account: 'customer:large', pairs: 18_000 },
  { account: 'postpaid:large', pairs: 18_000 },
  ...Array.from({ length: 60 }, (_, index) => ({ account: `customer:small-${index}`, pairs: 240 })),
  ...Array.from({ length: 20 }, (_, index) => ({ account: `postpaid:small-${index}`, pairs: 480 })),
];
const PAIRS = SHARES.reduce((sum, { pairs }) => sum + pairs, 0);
/** The pairs of the account that has the most; a slice cannot be smaller than an account's day. */
const LARGEST = Math.max(...SHARES.map(({ pairs }) => pairs));
const ROUNDS = 2;
const WORKERS = [1, 2, 4];
const WORKER_ROUNDS = 1;
const WARM_UP_SLICES = 4;
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
  const each = eachOf(usage.readUnits + balances.readUnits, [turns.usage, turns.balances]);
  const rates = await ratesByWorkers(setting, day, slices.get('usage') ?? []);
  return [ratioFigure(turns), costFigure(each), workersFigure(rates), scalingFigure(each)];
}

/** What a pair takes of the tables and of the processor. */
interface Each {
  readonly readUnits: number;
  readonly cpuSeconds: number;
}

function eachOf(readUnits: number, kinds: readonly (readonly Turn[])[]): Each {
  const cpuSeconds = kinds.reduce((sum, turns) => sum + median(turns.map((turn) => turn.cpuSeconds)), 0);
  return { readUnits: readUnits / PAIRS, cpuSeconds: cpuSeconds / PAIRS };
}

/** Pairs a second of the same day's usage, as more and more processes take its slices from one line. */
async function ratesByWorkers(setting: Setting, day: Day, slices: readonly Slice[]) {
  const workers = await startWorkers(setting, day, Math.max(...WORKERS));
  // What each compiles once belongs to no count of them.
  await workers.reconcile('bench-workers-warm-up', slices.slice(0, WARM_UP_SLICES), Math.max(...WORKERS));
  const contender = (count: number) => async (round: number) => {
    const turn = await timed(() => workers.reconcile(`bench-workers-${count}-${round}`, slices, count));
    return PAIRS / turn.seconds;
  };
  const contenders = Object.fromEntries(WORKERS.map((count) => [String(count), contender(count)]));
  const rates = await takeTurns(WORKER_ROUNDS, contenders);
  await workers.stop();
  return rates;
}

function workersFigure(rates: Readonly<Record<string, readonly number[]>>): Figure {
  const [one = [], ...more] = WORKERS.map((count) => rates[String(count)] ?? []);
  return {
    name: `reconciling by ${WORKERS.at(-1)} workers side by side, against one`,
    measured: medianRatio(more.at(-1) ?? [], one),
    note: `pairs a second, ${WORKER_ROUNDS} round; processes that take one slice at a time, on ${availableParallelism()} cores that they share with the engine; the largest slice alone is ${Math.round((100 * LARGEST) / PAIRS)} % of the day`,
    details: Object.fromEntries(
      WORKERS.map((count) => [`${count} ${count === 1 ? 'worker' : 'workers'}`, median(rates[String(count)] ?? [])]),
    ),
  };
}

function scalingFigure(each: Each): Figure {
  const { minutes, ...details } = scalingOf(SCALED_PAIRS, each);
  return {
    name: 'a hundred million pairs by the workers of the workflow',
    measured: minutes,
    unit: 'minutes',
    note: SCALING_MODEL,
    details,
  };
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

function costFigure(each: Each): Figure {
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
  const artifacts = artifactsOf(setting);
  const reconcileBy = (client: DynamoDBClient) => {
    const reconcile = reconcilerOf(setting, day, client);
    return (id: string) => reconcile({ id, slices: slices.length }, slices);
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

async function timed(work: () => Promise<unknown>): Promise<Turn> {
  const [startedAt, before] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - startedAt) / 1000, cpuSeconds: (user + system) / 1_000_000 };
}
