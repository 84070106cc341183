import { createHash } from 'node:crypto';
import {
  type Finding,
  type FindingLine,
  findingIdentity,
  findingLine,
} from '../../../domain/reconciliation/findings.ts';
import { inOrder } from '../../../domain/reconciliation/in-order.ts';
import type { Slice } from '../../../domain/reconciliation/slices.ts';
import { type Counter, countFindings, createCounter, type Summary } from '../../../domain/reconciliation/summary.ts';
import { summaryFromText, summaryToText } from '../../../domain/reconciliation/summary-text.ts';
import { type Artifacts, getText, putText, readLines, runKey, streamText } from '../../../store/artifacts.ts';

/** The content types of what runs write. */
export const JSON_TYPE = 'application/json';
export const NDJSON_TYPE = 'application/x-ndjson';

/** Parts read at once when a run is summed up. */
const PARTS_AT_ONCE = 16;

/** What a slice leaves: its findings as lines, if it has any, and beside them what it counted, which says where the lines are. */
interface Part extends Summary {
  readonly findingsKey: string;
}

/** Where the findings of a slice are, and how many of them. */
export interface PartFindings {
  readonly key: string;
  readonly count: number;
  readonly claimsAfar: boolean;
}

/**
 * Writes what a slice found, line by line as it is found, and then what it counted. Each attempt has lines of its own:
 * should two attempts at a slice run at once, the last to finish holds, and nobody reads the lines of the other.
 */
export async function writePart(
  artifacts: Artifacts,
  { runId, slice, attempt }: { readonly runId: string; readonly slice: string; readonly attempt: string },
  found: AsyncIterable<readonly Finding[]>,
  counter: Counter,
): Promise<Summary> {
  const findingsKey = runKey(runId, `parts/${slice}.${attempt}.ndjson`);
  const lines = linesOf(found);
  const first = await lines.next();
  // Most slices find nothing, and an object would be written and read for each.
  if (!first.done) await streamText(artifacts, findingsKey, NDJSON_TYPE, startingWith(first.value, lines));
  const part: Part = { ...counter.result(), findingsKey };
  await putText(artifacts, partKey(runId, slice), JSON_TYPE, summaryToText(part));
  return part;
}

/** What all slices counted, merged, and where their findings are, in order of slices. */
export async function readParts(
  artifacts: Artifacts,
  runId: string,
  slices: readonly Slice[],
): Promise<{ counter: Counter; parts: PartFindings[] }> {
  const counter = createCounter();
  const parts: PartFindings[] = [];
  const texts = inOrder(slices, PARTS_AT_ONCE, (slice) => getText(artifacts, partKey(runId, slice.id)));
  for await (const text of texts) {
    const part = summaryFromText<Part>(text);
    counter.add(part);
    parts.push({ key: part.findingsKey, count: countFindings(part), claimsAfar: part.claimedAfar > 0 });
  }
  return { counter, parts };
}

/** A part has more or fewer findings than it counted. A report must not be made of it. */
export class PartDiffersError extends Error {
  override name = 'PartDiffersError';
}

/** The findings of parts, one after the other. @throws PartDiffersError */
export async function* readFindings(artifacts: Artifacts, parts: readonly PartFindings[]): AsyncGenerator<FindingLine> {
  for (const { key, count } of parts) {
    if (count === 0) continue;
    let read = 0;
    for await (const line of readLines(artifacts, key)) {
      read += 1;
      yield JSON.parse(line) as FindingLine;
    }
    if (read !== count) {
      throw new PartDiffersError(`${key} has ${read} findings where ${count} were counted; look at who wrote it.`);
    }
  }
}

export function lineOf(finding: FindingLine): string {
  return `${JSON.stringify(finding)}\n`;
}

/** 96 bits of the digest of what the finding is called by: the same in every run that finds it. */
export function findingId(finding: Finding): string {
  return createHash('sha256').update(findingIdentity(finding)).digest('hex').slice(0, 24);
}

async function* linesOf(found: AsyncIterable<readonly Finding[]>): AsyncGenerator<string> {
  for await (const findings of found) {
    for (const finding of findings) yield lineOf(findingLine(finding, findingId(finding)));
  }
}

async function* startingWith(first: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  yield first;
  yield* rest;
}

function partKey(runId: string, slice: string): string {
  return runKey(runId, `parts/${slice}.json`);
}
