import { globSync, readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FindingLine } from '../../domain/reconciliation/findings.ts';
import { readLines } from '../../functions/events/import/lines.ts';
import { readCsvRows } from '../../functions/events/import/rows.ts';
import { csvLine, meaningOf } from '../../functions/runtime/csv.ts';
import { missingLines } from '../../functions/workflow/reconciliation/missing-lines.ts';
import { objectionTo, readEntry } from '../../functions/workflow/repairs/entry-rows.ts';
import { collect, inChunks } from '../functions/events/import/bytes.ts';

/** Files for spreadsheets: no cell is a formula, and what was written is what is read back. */

/** With what a spreadsheet begins a formula, the wide forms of some locales included. */
const STARTS = ['=', '+', '-', '@', '\t', '\r', '\n', '\uff1d', '\uff0b', '\uff0d', '\uff20'];

const cell = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }).map((text) => text.toWellFormed()),
  fc.tuple(fc.constantFrom('', "'", "''"), fc.constantFrom(...STARTS), fc.string()).map((parts) => parts.join('')),
);

test('no cell begins a formula, and every cell is read back as it was', () => {
  fc.assert(
    fc.property(fc.array(cell, { minLength: 2, maxLength: 6 }), (cells) => {
      const [read = []] = parse(csvLine(cells), { record_delimiter: ['\r\n'] });
      for (const text of read) expect(STARTS).not.toContain(text.charAt(0));
      expect(read.map(meaningOf)).toEqual(cells);
    }),
    { numRuns: 1_000 },
  );
});

test('a number stays a number, with its sign', () => {
  expect(csvLine([-5n, '-5', 0n])).toBe("-5,'-5,0\r\n");
});

test('what is listed as missing is imported under the very ids that it has', async () => {
  const request = fc.oneof(fc.stringMatching(/^[$-~]{1,20}$/), fc.stringMatching(/^'{0,2}[=+@-][$-~]{0,10}$/));
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(request, { minLength: 1, maxLength: 8 }), async (requests) => {
      const findings = requests.map(
        (requestId, index): FindingLine => ({
          ...{ id: `finding-${index}`, kind: 'missing', account: 'customer:acme', asset: 'TOKEN', requestId },
          ...{ at: '2026-11-19T08:00:00.000Z', expected: '5', actual: '0', difference: '-5', transferIds: [] },
          evidence: [{ fingerprint: 'f', operation: 'chat', quantities: { input: '7' } }],
          detail: 'Not charged.',
        }),
      );
      const lines = await Array.fromAsync(missingLines(all(findings)));
      const rows = await collect(readCsvRows(readLines(inChunks(lines.join(''), 64)), objectionTo));
      const entries = rows.map((row) => readEntry(row, '2026-11-20T00:00:00.000Z'));
      const ids = entries.map((read) => (read.ok ? read.entry.requestId : read.errors));
      expect(ids).toEqual(requests.map((id) => (isReserved(id) ? expect.anything() : id)));
    }),
    { numRuns: 200 },
  );
});

test('every file of CSV that is written takes its lines from there', () => {
  const sources = globSync('{functions,cli,store,web}/**/*.ts').map(
    (file) => [file, readFileSync(file, 'utf8')] as const,
  );
  const writers = sources.filter(([, text]) => text.includes('text/csv'));
  expect(writers.map(([file]) => file)).toContain('functions/workflow/finish-repair.ts');
  for (const [file, text] of writers)
    expect([file, /\bcsvLine\(|\bmissing(Invoice)?Lines\b/.test(text)]).toEqual([file, true]);
  // Nobody joins cells by hand.
  const joins = sources.filter(([file, text]) => /join\('[,;]'\)[^\n]*\\r?\\n/.test(text) && !file.endsWith('/csv.ts'));
  expect(joins.map(([file]) => file)).toEqual([]);
});

function isReserved(id: string): boolean {
  return /^(breakage|repair):/.test(id);
}

async function* all<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}
