import { PutObjectCommand } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chart } from '../../config/chart.ts';
import { decompressed } from '../../functions/events/import/decompress.ts';
import { type ImportDeps, importFile } from '../../functions/events/import/import-file.ts';
import { readLines } from '../../functions/events/import/lines.ts';
import { NO_MAPPING, readEvent } from '../../functions/events/import/mapping.ts';
import { type Row, readCsvRows, readNdjsonRows } from '../../functions/events/import/rows.ts';
import { type RowError, UnreadableFileError, VALUE_CHARACTERS_MAX } from '../../functions/events/import/unreadable.ts';
import { objectionTo, readEntry } from '../../functions/workflow/repairs/entry-rows.ts';
import { getText } from '../../store/artifacts.ts';
import { getImport } from '../../store/imports.ts';
import { systemClock } from '../../store/retry.ts';
import { collectUntilError, inChunks } from '../functions/events/import/bytes.ts';
import { startArtifacts, type TestArtifacts } from '../support/artifacts-bucket.ts';
import { startBooks, type TestBooks } from '../support/books.ts';
import { type FileKind, hostileFile } from './files.ts';

/** Every file ends with its rows, or with one sentence on why it could not be read further; whole rows are not lost. */

const LATEST = '2026-11-21T00:00:00.000Z';
const at = '2026-11-20T08:00:00Z';

const usageCsv: FileKind = {
  header: 'requestId,account,operation,occurredAt,quantities.input',
  row: (id) => `${id},customer:fuzzed,chat,${at},7`,
};
const usageNdjson: FileKind = {
  header: '',
  row: (requestId) =>
    JSON.stringify({
      requestId,
      account: 'customer:fuzzed',
      operation: 'chat',
      occurredAt: at,
      quantities: { input: 7 },
    }),
};
const entriesCsv: FileKind = {
  header: 'account,request_id,operation,occurred_at,quantities,amount',
  row: (id) => `customer:fuzzed,${id},chat,${at},input=7,12`,
};

/** What came of a row. */
type Made =
  | { readonly ok: true; readonly id: string; readonly quantities: unknown }
  | { readonly ok: false; readonly errors: readonly RowError[] };

const event = (row: Row): Made => {
  const read = readEvent(row, NO_MAPPING, LATEST);
  return read.ok ? { ok: true, id: read.event.requestId, quantities: read.event.quantities } : read;
};
const entry = (row: Row): Made => {
  const read = readEntry(row, LATEST);
  return read.ok ? { ok: true, id: read.entry.requestId, quantities: read.entry.quantities } : read;
};
const importers = [
  ['usage in CSV', usageCsv, (lines: Lines) => readCsvRows(lines, () => undefined), event],
  ['usage in NDJSON', usageNdjson, readNdjsonRows, event],
  ['entries', entriesCsv, (lines: Lines) => readCsvRows(lines, objectionTo), entry],
] as const;
type Lines = ReturnType<typeof readLines>;

test.each(importers)(
  '%s: whatever a file has, it ends with rows and errors that name line and rule',
  async (_, kind, read, make) => {
    await fc.assert(
      fc.asyncProperty(
        hostileFile(kind),
        fc.integer({ min: 1, max: 5_000 }),
        async ({ bytes, whole, isExact }, chunk) => {
          const { all, error } = await collectUntilError(read(readLines(decompressed(inChunks(bytes, chunk)))));
          if (error !== undefined) expect(error).toBeInstanceOf(UnreadableFileError);
          const made = all.map(make);
          const kept = made.flatMap((row) => (row.ok ? [row.id] : []));
          expect(kept).toEqual(expect.arrayContaining([...whole]));
          // Half a number is another number.
          if (isExact) for (const row of made) if (row.ok) expect(row.quantities).toEqual({ input: 7n });
          for (const row of made) if (!row.ok) expectReasons(row.errors);
          expect(all.every(({ line }) => line > 0)).toBe(true);
          expect(({} as { account?: string }).account).toBeUndefined();
        },
      ),
      { numRuns: 100 },
    );
  },
);

function expectReasons(errors: readonly RowError[]): void {
  expect(errors.length).toBeGreaterThan(0);
  for (const { field, rule, value } of errors) {
    expect(field).not.toBe('');
    expect(rule.length).toBeLessThan(300);
    expect(value.length).toBeLessThanOrEqual(VALUE_CHARACTERS_MAX);
  }
}

let books: TestBooks;
let artifacts: TestArtifacts;
let deps: ImportDeps;
beforeAll(async () => {
  [books, artifacts] = await Promise.all([startBooks(), startArtifacts()]);
  deps = {
    s3: artifacts.client,
    imports: { client: books.client, operationsTable: books.operationsTable },
    usage: { client: books.client, usageTable: books.usageTable, clock: systemClock, seenAccounts: new Set() },
    artifactsBucket: artifacts.bucket,
    chart,
    now: () => '2026-11-20T12:00:00.000Z',
  };
});
afterAll(async () => {
  await artifacts?.stop();
  await books?.stop();
});

test('a file leaves counts that add up, an error for each refused row, and is read once', async () => {
  let number = 0;
  await fc.assert(
    fc.asyncProperty(hostileFile(usageCsv), async ({ bytes, whole }) => {
      const key = `imports/f${number++}.csv`;
      const { client, bucket } = artifacts;
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: bytes }));
      const attempt = { id: `attempt-${number}`, remainingMs: () => 900_000 };
      const outcome = await importFile(deps, { bucket, key }, attempt);
      if (outcome.kind !== 'read') return expect.fail('The file was not read.');
      const { counts, record } = outcome;
      expect(counts.recorded + counts.duplicates + counts.refused).toBe(counts.linesRead);
      expect(counts.recorded + counts.duplicates).toBeGreaterThanOrEqual(whole.length);
      const stored = await getImport(deps.imports, record.id);
      expect(stored).toMatchObject({ status: record.status, ...counts });
      const errors = stored?.errorsKey === undefined ? '' : await getText(artifacts, stored.errorsKey);
      expect(errors.split('\n').filter((line) => line !== '')).toHaveLength(
        counts.refused + (record.status === 'failed' ? 1 : 0),
      );
      const again = await importFile(deps, { bucket, key }, { ...attempt, id: 'again' });
      expect(again.kind).toBe('already-read');
    }),
    { numRuns: 25 },
  );
});
