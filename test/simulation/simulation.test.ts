import './quiet.ts';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ALL_FAULTS } from './chaos.ts';
import { describeViolation } from './report.ts';
import { simulate } from './run.ts';
import { SABOTEURS, type Saboteur } from './saboteurs.ts';
import { shrink } from './shrink.ts';

/** Many callers, workers and schedules in one run of the real code, under every fault at once. */

const SEEDS = [1, 2, 3, 4, 5, 6];
const OPERATIONS = 250;

it.each(SEEDS)('seed %i keeps every invariant', async (seed) => {
  const options = { seed, operations: OPERATIONS };
  const outcome = await simulate(options);
  expect(outcome.violation && describeViolation(options, outcome)).toBeUndefined();
  expect(outcome.operations).toBeGreaterThanOrEqual(OPERATIONS);
  // A run in which nothing is broken on purpose would show nothing of what a reconciliation finds.
  expect(outcome.findings).toBeGreaterThan(0);
});

it('repairs what a reconciliation found, and takes it back, and the books are each time what they are said to be', async () => {
  const options = { seed: 5, operations: 200, isRepaired: true };
  const outcome = await simulate(options);
  expect(outcome.violation && describeViolation(options, outcome)).toBeUndefined();
  // At least one of the repair, and one of taking it back.
  expect(outcome.repaired).toBeGreaterThanOrEqual(2);
});

it('gives the same run for the same seed, whatever ran before, and another one for another seed', async () => {
  const [first, , again] = [await digestOf(7), await digestOf(8), await digestOf(7)];
  expect(again).toBe(first);
  expect(await digestOf(8)).not.toBe(first);
});

async function digestOf(seed: number): Promise<string> {
  return (await simulate({ seed, operations: 100 })).digest;
}

/** By which invariant a planted bug may be found: the first that it meets. */
const FOUND_BY: Readonly<Record<Saboteur, RegExp>> = {
  'a retry without its condition': /no record is ever changed/,
  'a lost update of a balance': /a balance moves with its transfers|what is available follows/,
  'a reversal twice': /no more is reversed than was moved/,
  'a hold that ends twice': /no record is ever changed/,
  'a skipped page': /a reconciliation finds exactly what was broken/,
  'an expiry that is passed over': /what expires is swept/,
  'an acknowledged write that never lands': /nothing that was acknowledged is lost/,
  'a condition on funds that is dropped': /every limit is kept/,
  'a fork of the audit chain': /no record is ever changed|the audit chain is whole/,
};

describe.each(Object.keys(SABOTEURS) as Saboteur[])('the planted bug: %s', (name) => {
  it('is found within the seeds of this test', async () => {
    for (const seed of SEEDS) {
      const { violation } = await simulate({ seed, operations: OPERATIONS, sabotage: SABOTEURS[name] });
      if (violation === undefined) continue;
      expect(violation.message).toMatch(FOUND_BY[name]);
      expect(violation.last.length).toBeGreaterThan(0);
      return;
    }
    expect.unreachable('No seed found it.');
  });
});

it('shrinks a failing run to a smaller one that fails for the same reason', async () => {
  const failing = { seed: 1, operations: 60, sabotage: SABOTEURS['a condition on funds that is dropped'] };
  const outcome = await simulate(failing);
  const shrunk = await shrink(failing, outcome);
  expect(shrunk.outcome.violation?.invariant).toBe(outcome.violation?.invariant);
  expect(shrunk.options.operations).toBeLessThan(failing.operations);
  expect(shrunk.options.faults?.length).toBeLessThan(ALL_FAULTS.length);
  expect(await simulate(shrunk.options)).toEqual(shrunk.outcome);
});

it('ends the command with 1 when an invariant is violated, and says how to see it again', async () => {
  const script = fileURLToPath(new URL('./simulate.ts', import.meta.url));
  const bug = 'an acknowledged write that never lands';
  const options = ['--seed', '1', '--operations', '60', '--workers', '1', '--no-shrink', '--sabotage', bug];
  const failed = await promisify(execFile)(process.execPath, [script, ...options]).catch((error) => error);
  expect(failed).toMatchObject({ code: 1, stdout: expect.stringContaining('npm run simulate -- --seed 1') });
  expect(failed.stdout).toContain('nothing that was acknowledged is lost');
});
