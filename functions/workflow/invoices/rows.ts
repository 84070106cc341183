import { inOrder } from '../../../domain/reconciliation/in-order.ts';
import { type Artifacts, billingRunKey, getText, putText, readLines, streamText } from '../../../store/artifacts.ts';
import { JSON_TYPE, NDJSON_TYPE } from '../reconciliation/parts.ts';
import type { BillingSlice, Row } from './job.ts';

/** Files of counts read at once. */
const FILES_AT_ONCE = 16;

interface SliceCounts {
  readonly rows: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** Writes what a slice noted, line by line as it comes, and then how often it noted what. Doing it again writes the same. */
export async function writeRows(
  artifacts: Artifacts,
  runId: string,
  { pass, slice }: { readonly pass: string; readonly slice: string },
  noted: AsyncIterable<Row>,
): Promise<SliceCounts> {
  let rows = 0;
  const counts: Record<string, number> = {};
  async function* lines() {
    for await (const row of noted) {
      rows += 1;
      for (const name of row.counts) counts[name] = (counts[name] ?? 0) + 1;
      yield `${JSON.stringify(row)}\n`;
    }
  }
  await streamText(artifacts, rowsKey(runId, pass, slice), NDJSON_TYPE, lines());
  const written = { rows, counts };
  await putText(artifacts, countsKey(runId, pass, slice), JSON_TYPE, JSON.stringify(written));
  return written;
}

/** How often all slices of a pass noted what. */
export async function countRows(
  artifacts: Artifacts,
  runId: string,
  pass: string,
  slices: readonly BillingSlice[],
): Promise<Record<string, number>> {
  const total: Record<string, number> = {};
  const texts = inOrder(slices, FILES_AT_ONCE, ({ id }) => getText(artifacts, countsKey(runId, pass, id)));
  for await (const text of texts) {
    const { counts } = JSON.parse(text) as SliceCounts;
    for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
  }
  return total;
}

/** What the slices of a pass noted, one after the other. */
export async function* readRows<R extends Row>(
  artifacts: Artifacts,
  runId: string,
  pass: string,
  slices: readonly BillingSlice[],
): AsyncGenerator<R> {
  for (const { id } of slices) {
    for await (const line of readLines(artifacts, rowsKey(runId, pass, id))) yield JSON.parse(line) as R;
  }
}

function rowsKey(runId: string, pass: string, slice: string): string {
  return billingRunKey(runId, `parts/${pass}-${slice}.ndjson`);
}

function countsKey(runId: string, pass: string, slice: string): string {
  return billingRunKey(runId, `parts/${pass}-${slice}.json`);
}
