import { mkdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { boot, type Installation, synthesize } from '../bin/boot.ts';
import { table } from '../cli/format.ts';
import { systemIo } from '../cli/io.ts';
import { run } from '../cli/run.ts';
import { type Breakage, breakBooks } from './break.ts';
import { type Comparison, compare, fetchFindings } from './compare.ts';
import { daysPlayed, play, prepare } from './play.ts';
import { seededRandom } from './random.ts';
import { repairAndRollBack } from './repair.ts';
import { reserveAndBatch } from './reserve.ts';
import { generateDay, readTrace, type ServedRequest } from './traffic.ts';

/**
 * The whole path on one machine: a day of usage through the HTTP API, a clean reconciliation, the ledger broken behind
 * the API's back, and a reconciliation that finds exactly what was broken. Exits with 1 when it does not.
 */

const GENERATED_REQUESTS = 1500;
const directory = join(import.meta.dirname, '..', '.reckoner', 'demo');

const { values } = parseArgs({
  options: { usage: { type: 'string' }, seed: { type: 'string', default: '861' } },
});

try {
  process.exitCode = await demo(values.usage, Number(values.seed));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

async function demo(usageFile: string | undefined, seed: number): Promise<number> {
  const random = seededRandom(seed);
  const requests =
    usageFile === undefined ? generateDay(random, yesterday(), GENERATED_REQUESTS) : await readTrace(usageFile);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  say('Synthesizing the stacks and booting them on this machine...');
  synthesize(join(directory, 'assembly'));
  const notices: string[] = [];
  const log = (line: string) => notices.push(line);
  const installation = await boot({ assemblyDirectory: join(directory, 'assembly'), log });
  try {
    return await tell(installation, requests, random);
  } catch (error) {
    // What the cloud had to say matters only when something went wrong; alarms of a new installation are no news.
    for (const notice of notices) console.error(notice);
    throw error;
  } finally {
    await installation.stop();
  }
}

async function tell(
  installation: Installation,
  requests: readonly ServedRequest[],
  random: () => number,
): Promise<number> {
  const { client, apiUrl, cloud } = installation;
  const { first, last } = daysPlayed(requests);
  say(`The API is at ${apiUrl}, the AWS endpoint at ${cloud.endpointUrl}.`);
  await prepare(client, first);
  await playWithProgress(installation, requests);
  await reserveAndBatch(client, new Date().toISOString(), say);

  say('\nThe books as the API wrote them:');
  const clean = await reconcile(installation, 'demo-before', first, last);
  if (clean !== 0) return 1;

  const ledger = {
    client: new DynamoDBClient({
      endpoint: cloud.endpointUrl,
      region: cloud.place.region,
      credentials: cloud.ownerCredentials,
    }),
    name: cloud.outputs.LedgerTableName ?? '',
  };
  const broken = await breakBooks(ledger, client, requests, random);
  ledger.client.destroy();
  say(`\n${broken.length} things were broken behind the API's back. The books now:`);
  await reconcile(installation, 'demo-after', first, last);

  const comparison = compare(broken, await fetchFindings(client, 'demo-after'));
  say('\nWhat was broken, beside what was found:');
  say(tableOf(comparison));
  const { found, missed, invented } = comparison;
  say(
    `${found.length} of ${broken.length} found, ${missed.length} missed, ${invented.length} found that nobody broke.`,
  );
  say(`The report: ${reportPath('demo-after')}`);
  const { clean: isRepaired, asBefore } = await repairAndRollBack(installation, 'demo-after', { first, last }, say);
  return missed.length + invented.length === 0 && isRepaired && asBefore ? 0 : 1;
}

async function playWithProgress({ client }: Installation, requests: readonly ServedRequest[]): Promise<void> {
  say(`Playing ${requests.length} requests: each is charged, and its evidence recorded by another hand.`);
  const startedAt = performance.now();
  const step = Math.ceil(requests.length / 5);
  await play(client, requests, (done) => {
    if (done % step === 0) say(`  ${done} charged`);
  });
  const seconds = (performance.now() - startedAt) / 1000;
  say(`  done in ${seconds.toFixed(1)} s, ${Math.round(requests.length / seconds)} charges a second through HTTP`);
}

/** Runs the operators' own command. */
function reconcile({ apiUrl, key }: Installation, id: string, startDate: string, endDate: string): Promise<number> {
  const env = { RECKONER_URL: apiUrl, RECKONER_KEY: key };
  const dates = ['--start-date', startDate, '--end-date', endDate];
  const io = { ...systemIo(new AbortController().signal), env };
  return run(['reconcile', '--id', id, ...dates, '--report-output', reportPath(id)], io);
}

function reportPath(id: string): string {
  return relative(process.cwd(), join(directory, `${id}.html`));
}

function tableOf({ found, missed, invented }: Comparison): string {
  return table(
    ['broken', 'account', 'request', 'found as', 'difference'],
    [
      ...found.map(({ breakage, finding }) => [...wordsOf(breakage), finding.kind, finding.difference ?? '']),
      ...missed.map((breakage) => [...wordsOf(breakage), 'NOT FOUND', '']),
      ...invented.map((finding) => ['nothing', ...placeOf(finding), finding.kind, finding.difference ?? '']),
    ],
    [4],
  );
}

function wordsOf(breakage: Breakage): string[] {
  return [breakage.story, ...placeOf(breakage)];
}

function placeOf({ account, requestId }: { readonly account: string; readonly requestId?: string }): string[] {
  return [account, requestId ?? ''];
}

function yesterday(): string {
  return new Date(Date.now() - 24 * 60 * 60 * 1000).toISOString().slice(0, 10);
}

function say(line: string): void {
  console.log(line);
}
