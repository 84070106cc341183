import { Readable } from 'node:stream';
import { GetObjectCommand, type GetObjectCommandOutput, type S3Client } from '@aws-sdk/client-s3';
import { CLOCK_SKEW_MS_MAX } from '../../../contract/limits.ts';
import { importMapping } from '../../../contract/schemas/imports.ts';
import type { UsageEvent } from '../../../domain/evidence.ts';
import { addMilliseconds } from '../../../domain/time.ts';
import {
  claimImport,
  createImport,
  finishImport,
  type ImportClaim,
  type ImportCounts,
  type ImportFormat,
  type ImportMapping,
  type ImportRecord,
  type ImportStore,
  importErrorsKey,
  importObjectKey,
  releaseImport,
  saveImportProgress,
} from '../../../store/imports.ts';
import { decompressed } from './decompress.ts';
import { createErrorFile, type ErrorFile } from './error-file.ts';
import { readLines } from './lines.ts';
import { missingColumn, NO_MAPPING, readEvent } from './mapping.ts';
import { type EvidenceDeps, recordRows } from './record-rows.ts';
import { type Row, readCsvRows, readNdjsonRows } from './rows.ts';
import { UnreadableFileError } from './unreadable.ts';

export interface ImportDeps extends EvidenceDeps {
  readonly s3: S3Client;
  readonly imports: ImportStore;
  readonly artifactsBucket: string;
}

/** One invocation's try at a file. */
export interface Attempt {
  readonly id: string;
  /** Milliseconds that the invocation has left. */
  readonly remainingMs: () => number;
}

export type ImportOutcome =
  | { readonly kind: 'read'; readonly record: Pick<ImportRecord, 'id' | 'status'>; readonly counts: ImportCounts }
  /** This content was read to its end before; nothing was done. */
  | { readonly kind: 'already-read'; readonly record: Pick<ImportRecord, 'id'> };

/** The name of an object in the drop zone is not one of an import. */
export class ImportNameError extends Error {
  override name = 'ImportNameError';
}

/** The name belongs to the import of another file. */
export class ImportNameTakenError extends Error {
  override name = 'ImportNameTakenError';
}

/** Another attempt is reading the file right now. */
export class ImportBusyError extends Error {
  override name = 'ImportBusyError';
}

/** The invocation's time ran out; the next one goes on from the line that is on the record. */
export class ImportInterrupted extends Error {
  override name = 'ImportInterrupted';
}

/**
 * Reads a usage file from the drop zone into the usage book. It may be called any number of times for one file, and
 * killed at any point: evidence is kept under its own content, so no row is ever written twice. Rows that were written
 * behind the last checkpoint of a killed attempt count as duplicates in the next one.
 *
 * @throws ImportNameError, ImportNameTakenError, ImportBusyError, ImportInterrupted; StoreUnavailableError and S3's own
 * errors, after which another attempt goes on.
 */
export async function importFile(
  deps: ImportDeps,
  object: { readonly bucket: string; readonly key: string },
  attempt: Attempt,
): Promise<ImportOutcome> {
  const name = parseImportKey(object.key);
  const content = await deps.s3.send(new GetObjectCommand({ Bucket: object.bucket, Key: object.key }));
  const body = bodyOf(content);
  try {
    const dropped = mappingOf(content);
    const mapping = dropped instanceof UnreadableFileError ? undefined : dropped;
    // An announced file has its record, and what was announced holds; a file that was just dropped gets one here.
    const { record: stored } = await createImport(deps.imports, { ...name, mapping, dropped: true }, deps.now());
    const storedKey = importObjectKey(stored);
    if (storedKey !== object.key) {
      throw new ImportNameTakenError(
        `"${object.key}" is not read, because the import "${name.id}" is that of "${storedKey}"; drop it under another name.`,
      );
    }
    const claimed = await claimImport(deps.imports, {
      id: name.id,
      attempt: attempt.id,
      // The same bytes with another mapping are other usage.
      content: [content.ETag, content.Metadata?.mapping].join(' ').trimEnd(),
      mapping,
      leaseMs: attempt.remainingMs(),
      now: deps.now(),
    });
    if (claimed.kind === 'finished') return { kind: 'already-read', record: { id: name.id } };
    if (claimed.kind === 'busy') throw new ImportBusyError(`Another attempt is reading the import "${name.id}".`);
    const { claim, record } = claimed;
    const unusable = record.mapping === undefined && dropped instanceof UnreadableFileError ? dropped : undefined;
    return await readToEnd(deps, { claim, record, format: name.format, body, unusable }, attempt);
  } finally {
    body.destroy();
  }
}

interface Reading {
  readonly claim: ImportClaim;
  readonly record: ImportRecord;
  readonly format: ImportFormat;
  readonly body: Readable;
  /** Why the file cannot even be begun. */
  readonly unusable: UnreadableFileError | undefined;
}

async function readToEnd(deps: ImportDeps, reading: Reading, attempt: Attempt): Promise<ImportOutcome> {
  const { claim, record } = reading;
  const key = importErrorsKey(record.id);
  const errorFile = createErrorFile({ s3: deps.s3, bucket: deps.artifactsBucket, key });
  try {
    const { counts, failure } = await readRows(deps, reading, attempt, errorFile);
    if (failure !== undefined) {
      await errorFile.add(failure.line, [{ field: 'file', rule: failure.message, value: '' }]);
    }
    const errorsKey = await errorFile.close();
    const status = failure !== undefined ? 'failed' : counts.refused > 0 ? 'finished-with-errors' : 'finished';
    const finishedAt = deps.now();
    await finishImport(deps.imports, claim, { status, counts, failure: failure?.message, errorsKey, finishedAt });
    return { kind: 'read', record: { id: record.id, status }, counts };
  } catch (error) {
    // Neither may hide why the attempt ended: an error file that stays is overwritten, a claim that stays runs out.
    await Promise.allSettled([errorFile.discard(), releaseImport(deps.imports, claim)]);
    throw error;
  }
}

/** Rows between checkpoints: what a killed attempt repeats, and what is held in memory. */
const ROWS_PER_CHECKPOINT = 1_000;
/** Milliseconds kept for a last batch against a slow table, and for closing. */
const RESERVE_MS = 20_000;

/**
 * Reads every row, also those before the checkpoint: they are not written again, but the error file is made anew each
 * time, because a file in S3 cannot be continued.
 */
async function readRows(deps: ImportDeps, reading: Reading, attempt: Attempt, errorFile: ErrorFile) {
  const { claim, record } = reading;
  const mapping = record.mapping ?? NO_MAPPING;
  // Measured from the first attempt at this content, so that every attempt comes to the same verdict on every row.
  const latest = addMilliseconds(record.startedAt ?? deps.now(), CLOCK_SKEW_MS_MAX);
  const counts = { linesRead: 0, recorded: record.recorded, duplicates: record.duplicates, refused: 0 };
  const hasTime = () => attempt.remainingMs() > RESERVE_MS;
  let batch: UsageEvent[] = [];
  const writeBatch = async () => {
    const { recorded, duplicates } = await recordRows(deps, batch, hasTime);
    counts.recorded += recorded;
    counts.duplicates += duplicates;
    batch = [];
  };
  let failure: UnreadableFileError | undefined;
  try {
    for await (const row of rowsOf(reading, mapping)) {
      counts.linesRead += 1;
      const read = readEvent(row, mapping, latest);
      if (!read.ok) {
        counts.refused += 1;
        await errorFile.add(row.line, read.errors);
      }
      if (counts.linesRead <= record.linesRead) continue;
      if (read.ok) batch.push(read.event);
      if (counts.linesRead % ROWS_PER_CHECKPOINT > 0) continue;
      await writeBatch();
      await saveImportProgress(deps.imports, claim, counts);
      if (!hasTime()) throw new ImportInterrupted(`Stopped behind line ${row.line} of "${record.id}": time is over.`);
    }
  } catch (error) {
    if (!(error instanceof UnreadableFileError)) throw error;
    failure = error;
  }
  await writeBatch();
  return { counts, failure };
}

async function* rowsOf({ body, format, unusable }: Reading, mapping: ImportMapping): AsyncGenerator<Row> {
  if (unusable !== undefined) throw unusable;
  const lines = readLines(decompressed(body));
  if (format === 'ndjson') yield* readNdjsonRows(lines);
  else yield* readCsvRows(lines, (columns) => missingColumn(columns, mapping));
}

/** The import id is what stands between `imports/` and the extension. */
const IMPORT_KEY = /^imports\/([A-Za-z0-9_-][A-Za-z0-9._-]{0,127})\.(csv|ndjson)(\.gz)?$/;

/** @throws ImportNameError */
export function parseImportKey(key: string) {
  const [, id, format, gzip] = IMPORT_KEY.exec(key) ?? [];
  if (id === undefined || format === undefined) {
    throw new ImportNameError(
      `"${key}" is not the name of an import: use imports/<id>.csv or imports/<id>.ndjson, with .gz where it is compressed, and letters, digits and ._- in the id.`,
    );
  }
  return {
    id,
    format: format === 'csv' ? 'csv' : 'ndjson',
    compression: gzip === undefined ? 'none' : 'gzip',
  } as const;
}

/** A mapping that came with the object, as the metadata `mapping` (JSON). */
function mappingOf({ Metadata }: GetObjectCommandOutput): ImportMapping | UnreadableFileError | undefined {
  const text = Metadata?.mapping;
  if (text === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return new UnreadableFileError(1, 'The mapping in the metadata of the file is not JSON.');
  }
  const parsed = importMapping.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue === undefined || issue.path.length === 0 ? 'it' : `"${issue.path.join('.')}"`;
  return new UnreadableFileError(
    1,
    `The mapping in the metadata of the file breaks a rule: ${where}: ${issue?.message}.`,
  );
}

function bodyOf({ Body }: GetObjectCommandOutput): Readable {
  if (Body instanceof Readable) return Body;
  throw new TypeError('S3 gave no stream of bytes.');
}
