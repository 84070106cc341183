import './quiet.ts';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { ALL_FAULTS, type Fault } from './chaos.ts';
import { describeViolation, replayOf } from './report.ts';
import type { RunOptions } from './run.ts';
import { SABOTEURS, type Saboteur } from './saboteurs.ts';
import { shrink } from './shrink.ts';
import type { Done, Work } from './worker.ts';

/**
 * `npm run simulate -- --seed 1 --seeds 1000 --operations 1000000`: so many operations over so many seeds, from this one
 * on. Ends with 1, and the smallest run that shows it, when an invariant is violated.
 */
const { values } = parseArgs({
  allowNegative: true,
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    operations: { type: 'string', default: '1000' },
    workers: { type: 'string' },
    faults: { type: 'string' },
    sabotage: { type: 'string' },
    shrink: { type: 'boolean', default: true },
    help: { type: 'boolean' },
  },
});

if (values.help) {
  console.log(
    [
      '--seed N        the first seed (1)',
      '--seeds N       how many seeds (1)',
      '--operations N  calls of the API over all seeds (1000)',
      '--workers N     seeds lived through at once (as many as there are cores)',
      `--faults a,b    these kinds alone, or none (${ALL_FAULTS.join(', ')})`,
      '--no-shrink     look for no smaller run when one fails',
      `--sabotage X    with a planted bug (${Object.keys(SABOTEURS).join(', ')})`,
    ].join('\n'),
  );
  process.exit(0);
}

const [first, seeds, total] = [values.seed, values.seeds, values.operations].map(wholeNumber) as [
  number,
  number,
  number,
];
const operations = Math.ceil(total / seeds);
const faults = values.faults === undefined ? ALL_FAULTS : faultsNamed(values.faults);
const saboteur = values.sabotage === undefined ? undefined : saboteurNamed(values.sabotage);
const workers = Math.min(seeds, values.workers === undefined ? availableParallelism() : wholeNumber(values.workers));

const startedAt = Date.now();
const sum = { seeds: 0, operations: 0, events: 0, findings: 0, repaired: 0 };
let next = first;

console.error(`Seeds ${first} to ${first + seeds - 1}, ${operations} operations each, ${workers} at once`);
const violated = await new Promise<Done | undefined>((resolve, reject) => {
  let running = 0;
  for (let index = 0; index < workers; index += 1) {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: 'fast' });
    const give = () => {
      if (next >= first + seeds) return running === 0 ? resolve(undefined) : undefined;
      running += 1;
      const work: Work = { seed: next, operations, faults, ...(saboteur && { saboteur }) };
      next += 1;
      return worker.postMessage(work);
    };
    worker.on('error', reject);
    worker.on('message', (done: Done) => {
      running -= 1;
      note(done);
      if (done.outcome.violation !== undefined) resolve(done);
      else give();
    });
    give();
  }
});

const seconds = Math.max(1, Math.round((Date.now() - startedAt) / 1000));
console.log(
  `${sum.operations} operations over ${sum.seeds} seeds in ${seconds} s (${Math.round(sum.operations / seconds)} a second), ` +
    `${sum.events} events, ${sum.findings} findings, each of them broken on purpose, ${sum.repaired} repairs posted: ${violated === undefined ? 'no invariant' : 'an invariant'} violated.`,
);
if (violated === undefined) process.exit(0);

const failing: RunOptions = {
  ...violated.work,
  ...(saboteur && { sabotage: SABOTEURS[saboteur] }),
};
console.log(describeViolation(failing, violated.outcome));
if (!values.shrink) process.exit(1);
console.error('Looking for a smaller run that shows it...');
const shrunk = await shrink(failing, violated.outcome);
console.log(`\nAfter ${shrunk.runs} more runs, the smallest is: ${replayOf(shrunk.options)}`);
console.log(describeViolation(shrunk.options, shrunk.outcome));
process.exit(1);

function note({ outcome }: Done): void {
  sum.seeds += 1;
  for (const name of ['operations', 'events', 'findings', 'repaired'] as const) sum[name] += outcome[name];
  const every = process.stderr.isTTY ? 1 : Math.max(1, Math.floor(seeds / 50));
  if (sum.seeds % every !== 0) return;
  const rate = Math.round((1000 * sum.operations) / (Date.now() - startedAt));
  const line = `${sum.seeds} of ${seeds} seeds, ${sum.operations} operations, ${rate} a second`;
  process.stderr.write(process.stderr.isTTY ? `\r${line}` : `${line}\n`);
}

function wholeNumber(text: string): number {
  if (/^[1-9][0-9]*$/.test(text)) return Number(text);
  throw new Error(`"${text}" is not a whole number above zero.`);
}

function faultsNamed(text: string): Fault[] {
  if (text === 'none') return [];
  return text.split(',').map((name) => {
    const fault = ALL_FAULTS.find((known) => known === name);
    if (fault === undefined) throw new Error(`There is no fault "${name}".`);
    return fault;
  });
}

function saboteurNamed(text: string): Saboteur {
  const names = Object.keys(SABOTEURS) as Saboteur[];
  const found = names.find((name) => name === text);
  if (found === undefined) throw new Error(`There is no planted bug "${text}".`);
  return found;
}
