import { mkdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { boot, type Installation, synthesize } from '../bin/boot.ts';
import { table } from '../cli/format.ts';
import { addDays, dayOf, monthOf } from '../domain/time.ts';
import { type Breakage, breakBooks } from './break.ts';
import { type Comparison, compare, fetchFindings } from './compare.ts';
import { billAgain, generateInvoices, sendOut } from './invoices.ts';
import { command } from './operator.ts';
import { daysPlayed, play, prepare } from './play.ts';
import { seededRandom } from './random.ts';
import { peopleOf, repair, repairAndRollBack } from './repair.ts';
import { reserveAndBatch } from './reserve.ts';
import { CUSTOMERS, generateDay, readTrace, type ServedRequest } from './traffic.ts';

/**
 * The whole path on one machine: a day of usage through the HTTP API, a clean reconciliation, the ledger broken behind
 * the API's back, a reconciliation that finds exactly what was broken, a repair, and the invoices of the month made again
 * from the repaired ledger. Exits with 1 when any of it does not come out as it should.
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
    usageFile === undefined ? generateDay(random, lastBilledDay(), GENERATED_REQUESTS) : await readTrace(usageFile);
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
  const people = await peopleOf(installation);
  const month = monthOf(first);
  say(`\nThe invoices of ${month}, made from the books as they are:`);
  const isBlocked = await generateInvoices(people.operator, month);
  const repaired = await repairAndRollBack(people, 'demo-after', { first, last }, say);
  say('\nThe books are repaired once more, and stay so:');
  await repair(people, repaired.verifiedBy, 'demo-repair-again', say);
  const isBilled = await billAgain(people, month, CUSTOMERS[0] ?? '', say);
  const isOut = await sendOut(people, month, directory, say);
  const isFound = missed.length + invented.length === 0 && repaired.clean && repaired.asBefore;
  return isFound && isBlocked && isBilled && isOut ? 0 : 1;
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

function reconcile(installation: Installation, id: string, startDate: string, endDate: string): Promise<number> {
  const dates = ['--start-date', startDate, '--end-date', endDate];
  const operator = { installation, key: installation.key };
  return command(operator, ['reconcile', '--id', id, ...dates, '--report-output', reportPath(id)]);
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

/** The last day of the month before this one: a month must be over to be billed. */
function lastBilledDay(): string {
  return addDays(`${monthOf(dayOf(new Date().toISOString()))}-01`, -1);
}

function say(line: string): void {
  console.log(line);
}
