import { ALL_FAULTS } from './chaos.ts';
import { type Outcome, type RunOptions, simulate } from './run.ts';

/** The smallest run that was found to break the same invariant, and what it came to. */
export interface Shrunk {
  readonly options: RunOptions;
  readonly outcome: Outcome;
  readonly runs: number;
}

/** Runs that are tried at most: each takes a second. */
const RUNS_MAX = 120;

/** Makes a failing run smaller, greedily: fewer calls first, and then fewer kinds of faults. */
export async function shrink(failing: RunOptions, outcome: Outcome): Promise<Shrunk> {
  let [best, told, runs] = [failing, outcome, 0];
  const isSmaller = async (options: RunOptions): Promise<boolean> => {
    if (runs >= RUNS_MAX) return false;
    runs += 1;
    const tried = await simulate(options);
    if (tried.violation?.invariant !== told.violation?.invariant) return false;
    [best, told] = [options, tried];
    return true;
  };
  await fewerOperations(best, told, isSmaller, () => best);
  let before: number;
  do {
    before = best.faults?.length ?? ALL_FAULTS.length;
    for (const fault of best.faults ?? ALL_FAULTS) {
      await isSmaller({ ...best, faults: (best.faults ?? ALL_FAULTS).filter((other) => other !== fault) });
    }
    await fewerOperations(best, told, isSmaller, () => best);
  } while ((best.faults?.length ?? 0) < before && runs < RUNS_MAX);
  return { options: best, outcome: told, runs };
}

/** What happened after the violation was not needed; then halves, quarters... of the calls are left out. */
async function fewerOperations(
  options: RunOptions,
  { operations }: Outcome,
  isSmaller: (options: RunOptions) => Promise<boolean>,
  best: () => RunOptions,
): Promise<void> {
  if (operations < options.operations) await isSmaller({ ...options, operations });
  for (let step = Math.ceil(best().operations / 2); step >= 1; step = Math.floor(step / 2)) {
    while (best().operations > step && (await isSmaller({ ...best(), operations: best().operations - step })));
  }
}
