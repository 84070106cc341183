import { inOrder } from '../../../domain/reconciliation/in-order.ts';
import type { BucketDay } from '../../../domain/seals/chain.ts';
import type { SealChange } from '../../../domain/seals/compare.ts';
import { addCounts, type ChangeCounts, countChanges, NO_CHANGES } from '../../../domain/seals/outcome.ts';
import type { SealSlice } from '../../../domain/seals/slices.ts';
import { type Artifacts, getText, putText, readLines, sealRunKey, streamText } from '../../../store/artifacts.ts';
import type { SealRunName } from '../../../store/seal-runs.ts';
import { JSON_TYPE, NDJSON_TYPE } from '../reconciliation/parts.ts';

/** What a slice leaves: what it sealed, what it counted, and where its changes are. */
export interface SealPart {
  /** What is to be sealed of it; nothing where it is only verified. */
  readonly bucketDays: readonly BucketDay[];
  readonly entries: number;
  /** Of these, what no seal holds and one should. */
  readonly unsealed: number;
  readonly counts: ChangeCounts;
  readonly changesKey: string;
}

/**
 * Writes what a slice found, line by line as it is found, and then what it came to. Each attempt has lines of its own:
 * should two attempts at a slice run at once, the last to finish holds, and nobody reads the lines of the other.
 * @param work calls back with each change, and gives the rest.
 */
export async function writeSealPart(
  artifacts: Artifacts,
  { run, slice, attempt }: { readonly run: SealRunName; readonly slice: string; readonly attempt: string },
  changes: AsyncIterable<SealChange>,
  rest: () => Pick<SealPart, 'bucketDays' | 'entries' | 'unsealed'>,
): Promise<SealPart> {
  const changesKey = sealRunKey(run, `parts/${slice}.${attempt}.ndjson`);
  let counts = NO_CHANGES;
  async function* lines(): AsyncGenerator<string> {
    for await (const change of changes) {
      counts = addCounts(counts, { ...NO_CHANGES, [change.what]: 1 });
      yield changeLine(change);
    }
  }
  await streamText(artifacts, changesKey, NDJSON_TYPE, lines());
  const part: SealPart = { ...rest(), counts, changesKey };
  await putText(artifacts, partKey(run, slice), JSON_TYPE, JSON.stringify(part));
  return part;
}

/** Parts read at once at the end of a run. */
const PARTS_AT_ONCE = 16;

/** The parts of all slices, in order of slices. */
export async function readSealParts(
  artifacts: Artifacts,
  run: SealRunName,
  slices: readonly SealSlice[],
): Promise<SealPart[]> {
  const parts: SealPart[] = [];
  const texts = inOrder(slices, PARTS_AT_ONCE, (slice) => getText(artifacts, partKey(run, slice.id)));
  for await (const text of texts) parts.push(JSON.parse(text) as SealPart);
  return parts;
}

/** A part has more or fewer changes than it counted. Nothing must be said by it. */
export class SealPartDiffersError extends Error {
  override name = 'SealPartDiffersError';
}

/** The changes of parts, one after the other. @throws SealPartDiffersError */
export async function* readChanges(artifacts: Artifacts, parts: readonly SealPart[]): AsyncGenerator<SealChange> {
  for (const { changesKey, counts } of parts) {
    let read = 0;
    if (countChanges(counts) === 0) continue;
    for await (const line of readLines(artifacts, changesKey)) {
      read += 1;
      yield JSON.parse(line) as SealChange;
    }
    if (read !== countChanges(counts)) {
      throw new SealPartDiffersError(`${changesKey} has ${read} changes where ${countChanges(counts)} were counted.`);
    }
  }
}

export function changeLine(change: SealChange): string {
  return `${JSON.stringify(change)}\n`;
}

function partKey(run: SealRunName, slice: string): string {
  return sealRunKey(run, `parts/${slice}.json`);
}
