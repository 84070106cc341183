import { createHash } from 'node:crypto';
import {
  type Finding,
  type FindingLine,
  findingIdentity,
  findingLine,
} from '../../../domain/reconciliation/findings.ts';
import { inOrder } from '../../../domain/reconciliation/in-order.ts';
import type { Slice } from '../../../domain/reconciliation/slices.ts';
import { type Counter, createCounter, type Summary } from '../../../domain/reconciliation/summary.ts';
import { summaryFromText, summaryToText } from '../../../domain/reconciliation/summary-text.ts';
import { type Artifacts, getText, putText, readLines, runKey, streamText } from '../../../store/artifacts.ts';

/** The content types of what runs write. */
export const JSON_TYPE = 'application/json';
export const NDJSON_TYPE = 'application/x-ndjson';

/** Parts read at once when a run is summed up. */
const PARTS_AT_ONCE = 16;

/** Writes what a slice found, line by line as it is found, and then what it counted. */
export async function writePart(
  artifacts: Artifacts,
  runId: string,
  slice: Slice,
  found: AsyncIterable<readonly Finding[]>,
  counter: Counter,
): Promise<Summary> {
  await streamText(artifacts, partKey(runId, slice, 'ndjson'), NDJSON_TYPE, linesOf(found));
  const summary = counter.result();
  await putText(artifacts, partKey(runId, slice, 'json'), JSON_TYPE, summaryToText(summary));
  return summary;
}

/** What all slices counted, merged. */
export async function readSummaries(artifacts: Artifacts, runId: string, slices: readonly Slice[]): Promise<Counter> {
  const counter = createCounter();
  const texts = inOrder(slices, PARTS_AT_ONCE, (slice) => getText(artifacts, partKey(runId, slice, 'json')));
  for await (const text of texts) counter.add(summaryFromText(text));
  return counter;
}

/** What all slices found, in order of slices. */
export async function* readFindings(
  artifacts: Artifacts,
  runId: string,
  slices: readonly Slice[],
): AsyncGenerator<FindingLine> {
  for (const slice of slices) {
    for await (const line of readLines(artifacts, partKey(runId, slice, 'ndjson')))
      yield JSON.parse(line) as FindingLine;
  }
}

export function lineOf(finding: FindingLine): string {
  return `${JSON.stringify(finding)}\n`;
}

/** 96 bits of the digest of what the finding is called by: the same in every run that finds it. */
function findingId(finding: Finding): string {
  return createHash('sha256').update(findingIdentity(finding)).digest('hex').slice(0, 24);
}

async function* linesOf(found: AsyncIterable<readonly Finding[]>): AsyncGenerator<string> {
  for await (const findings of found) {
    for (const finding of findings) yield lineOf(findingLine(finding, findingId(finding)));
  }
}

function partKey(runId: string, slice: Slice, extension: 'json' | 'ndjson'): string {
  return runKey(runId, `parts/${slice.id}.${extension}`);
}
