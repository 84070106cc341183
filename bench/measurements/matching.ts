import { type Figure, median, takeTurns } from '../figures.ts';
import { generatePairs, matchPairs, type Pairs } from '../pairs.ts';

const PAIRS = 300_000;
const ROUNDS = 5;
/** A price list of fixed operations, and token counts that are different in every request. */
const FEW_QUANTITIES = 20;
const MANY_QUANTITIES = PAIRS;

/** Matching alone: both books are in memory before the clock starts, which is the processor's own. */
export async function measure(): Promise<Figure[]> {
  const turn = (differentQuantities: number) => async () => {
    const { evidence, ledger } = generatePairs(PAIRS, differentQuantities);
    // New rows each time: matching the same again would find its texts hashed.
    const pairs: Pairs = { evidence: [...evidence], ledger: [...ledger] };
    globalThis.gc?.();
    const before = process.cpuUsage();
    await matchPairs(pairs, PAIRS);
    const { user, system } = process.cpuUsage(before);
    return PAIRS / (user + system);
  };
  const { few, many } = await takeTurns(ROUNDS, { few: turn(FEW_QUANTITIES), many: turn(MANY_QUANTITIES) });
  // Pairs a microsecond are millions a second.
  const figure = (name: string, rates: readonly number[]): Figure => ({
    name: `matching in memory, ${name}`,
    measured: median(rates),
    unit: 'million pairs/s',
    target: { atLeast: 2 },
    note: `by a second of one core, collecting garbage included; ${PAIRS} pairs, ${ROUNDS} rounds`,
    details: { slowest: Math.min(...rates), fastest: Math.max(...rates) },
  });
  return [figure('few different quantities', few), figure('all quantities different', many)];
}
