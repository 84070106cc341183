import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Finding } from '../../../../domain/reconciliation/findings.ts';
import type { Slice } from '../../../../domain/reconciliation/slices.ts';
import { createCounter } from '../../../../domain/reconciliation/summary.ts';
import {
  NDJSON_TYPE,
  PartDiffersError,
  readFindings,
  readParts,
  writePart,
} from '../../../../functions/workflow/reconciliation/parts.ts';
import { putText } from '../../../../store/artifacts.ts';
import { startArtifacts, type TestArtifacts } from '../../../support/artifacts-bucket.ts';

const SLICES: readonly Slice[] = ['00', '04'].map((bucket) => ({
  id: `usage-2026-11-19-${bucket}`,
  kind: 'usage',
  buckets: [bucket],
  day: '2026-11-19',
}));

let artifacts: TestArtifacts;

beforeAll(async () => {
  artifacts = await startArtifacts();
});
afterAll(() => artifacts.stop());

it('gives what slices counted and found, in order of slices', async () => {
  await write('whole', 1, 'a', ['r3']);
  await write('whole', 0, 'a', ['r1', 'r2']);
  const { counter, parts } = await readParts(artifacts, 'whole', SLICES);
  expect(counter.result().findings.missing).toBe(3);
  expect(parts.map(({ count, claimsAfar }) => [count, claimsAfar])).toEqual([
    [2, false],
    [1, false],
  ]);
  const findings = await Array.fromAsync(readFindings(artifacts, parts));
  expect(findings.map(({ requestId }) => requestId)).toEqual(['r1', 'r2', 'r3']);
});

it('keeps two attempts at a slice apart that run at once', async () => {
  await write('raced', 1, 'a', []);
  const gate = Promise.withResolvers<void>();
  const slow = write('raced', 0, 'slow', ['r1'], gate.promise);
  await write('raced', 0, 'fast', ['r1', 'r2']);
  const seen = await readParts(artifacts, 'raced', SLICES);
  gate.resolve();
  await slow;
  // Neither whoever read before the last attempt ended nor whoever reads after meets lines of the other.
  expect(await Array.fromAsync(readFindings(artifacts, seen.parts))).toHaveLength(2);
  const { parts, counter } = await readParts(artifacts, 'raced', SLICES);
  expect(await Array.fromAsync(readFindings(artifacts, parts))).toHaveLength(1);
  expect(counter.result().findings.missing).toBe(1);
});

it.each([
  ['fewer', '{}\n'],
  ['more', '{}\n{}\n{}\n'],
])('makes nothing of a part that has %s findings than it counted', async (_, text) => {
  await write('cut', 0, 'a', ['r1', 'r2']);
  await write('cut', 1, 'a', []);
  const { parts } = await readParts(artifacts, 'cut', SLICES);
  await putText(artifacts, parts[0]?.key ?? '', NDJSON_TYPE, text);
  await expect(Array.fromAsync(readFindings(artifacts, parts))).rejects.toThrow(PartDiffersError);
});

async function write(
  runId: string,
  slice: number,
  attempt: string,
  requests: readonly string[],
  gate: Promise<void> = Promise.resolve(),
): Promise<void> {
  const counter = createCounter();
  async function* found() {
    for (const requestId of requests) {
      const finding = missing(requestId);
      counter.finding(finding);
      yield [finding];
    }
    await gate;
  }
  await writePart(artifacts, { runId, slice: SLICES[slice]?.id ?? '', attempt }, found(), counter);
}

function missing(requestId: string): Finding {
  const at = '2026-11-19T08:00:00.000Z';
  const detail = 'The request is not charged.';
  const what = { kind: 'missing', account: 'customer:acme', asset: 'TOKEN', expected: 5n, actual: 0n } as const;
  return { ...what, requestId, at, transferIds: [], evidence: [], detail };
}
