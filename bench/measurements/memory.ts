import type { Figure } from '../figures.ts';
import { generatePairs, matchPairs, PAGE_ROWS } from '../pairs.ts';

const SIZES = [10_000, 100_000, 10_000_000];
/** All different up to what the pricer remembers, so that its memory is full at every size. */
const DIFFERENT_QUANTITIES = 10_000;
/** Collections in a run. */
const LOOKS = 20;
const MEGABYTE = 1_000_000;

/** The most that is alive while a day is matched, by its size; pages are generated as they are asked for. */
export async function measure(): Promise<Figure[]> {
  // What is compiled and remembered once belongs to no size.
  await peakHeap(SIZES[0] ?? 0);
  const peaks: number[] = [];
  for (const size of SIZES) peaks.push(await peakHeap(size));
  const [smallest = 0] = peaks;
  return [
    {
      name: 'peak live heap of 10 million pairs, against 10 thousand',
      measured: (peaks.at(-1) ?? Number.NaN) / smallest,
      target: { atMost: 1.1 },
      note: 'megabytes right after collections, by pairs of one account and day',
      details: Object.fromEntries(
        SIZES.map((size, index) => [size.toLocaleString('en'), (peaks[index] ?? 0) / MEGABYTE]),
      ),
    },
  ];
}

/** Bytes. */
async function peakHeap(count: number): Promise<number> {
  const { evidence, ledger } = generatePairs(count, DIFFERENT_QUANTITIES);
  const pagesBetweenLooks = Math.ceil(count / PAGE_ROWS / LOOKS);
  let [peak, page] = [0, 0];
  function* watched() {
    for (const rows of ledger) {
      if (page % pagesBetweenLooks === 0) {
        globalThis.gc?.();
        peak = Math.max(peak, process.memoryUsage().heapUsed);
      }
      page += 1;
      yield rows;
    }
  }
  await matchPairs({ evidence, ledger: watched() }, count);
  return peak;
}
