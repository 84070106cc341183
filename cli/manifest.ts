import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { parse } from 'csv-parse';
import * as z from 'zod';
import { download } from './download.ts';
import { CommandFailedError } from './failure.ts';
import type { Io } from './io.ts';

/** The artifacts of a run, checked against the manifest that was written last of them. */

/** What a run left, wherever it lies. */
export interface ArtifactFolder {
  /** Names of the files that are there, the manifest among them. */
  readonly names: readonly string[];
  /** @throws CommandFailedError when it cannot be read to its end. */
  open(name: string): Readable;
}

export const MANIFEST = 'manifest.json';
/** Where a run that looks for missing lines lists them. */
const MISSING_LINES = 'missing_lines.csv';

const manifestSchema = z.object({
  runId: z.string(),
  files: z.array(z.object({ name: z.string(), bytes: z.number(), sha256: z.string() })),
});

export interface Validation {
  readonly runId: string;
  readonly files: number;
  /** What does not agree with the manifest, in sentences. */
  readonly faults: readonly string[];
  /** Records of missing_lines.csv; undefined of a run that has none, because it looks for none. */
  readonly missingLines?: number;
}

/** Reads every file once, however large. @throws CommandFailedError when there is no manifest that can be read. */
export async function validateArtifacts(folder: ArtifactFolder): Promise<Validation> {
  const { runId, files } = await readManifest(folder);
  const faults: string[] = [];
  let missingLines: number | undefined;
  for (const { name, bytes, sha256 } of files) {
    if (!folder.names.includes(name)) {
      faults.push(`${name} is missing.`);
      continue;
    }
    const read = name === MISSING_LINES ? await readRecords(folder.open(name)) : await readWhole(folder.open(name));
    if (read.records !== undefined) missingLines = Math.max(0, read.records - 1);
    if (read.bytes !== bytes || read.sha256 !== sha256) {
      faults.push(`${name} has ${read.bytes} bytes of SHA-256 ${read.sha256}, and not the ${bytes} of ${sha256}.`);
    }
  }
  const listed = new Set([MANIFEST, ...files.map(({ name }) => name)]);
  for (const name of folder.names) if (!listed.has(name)) faults.push(`${name} is in no manifest.`);
  return { runId, files: files.length, faults, ...(missingLines !== undefined && { missingLines }) };
}

async function readManifest(folder: ArtifactFolder): Promise<z.output<typeof manifestSchema>> {
  if (!folder.names.includes(MANIFEST)) {
    throw new CommandFailedError(`There is no ${MANIFEST}: the run has not ended, or leaves none.`);
  }
  const text = (await buffer(folder.open(MANIFEST))).toString();
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new CommandFailedError(`${MANIFEST} is no manifest: it must name a run and its files.`, { cause: error });
  }
}

interface ReadFile {
  readonly bytes: number;
  readonly sha256: string;
  readonly records?: number;
}

async function readWhole(source: Readable): Promise<ReadFile> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Reads a file of CSV; a file that was tampered with may be none any more, which its digest tells. */
async function readRecords(source: Readable): Promise<ReadFile> {
  const hash = createHash('sha256');
  let [bytes, records] = [0, 0];
  const parser = parse({ relax_column_count: true, relax_quotes: true, skip_empty_lines: true });
  parser.on('data', () => {
    records += 1;
  });
  const parsed = new Promise<void>((resolve) => {
    parser.on('end', resolve).on('error', () => resolve());
  });
  for await (const chunk of source as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
    if (!parser.destroyed) parser.write(chunk);
  }
  parser.end();
  await parsed;
  return { bytes, sha256: hash.digest('hex'), records };
}

/** What a run of the service left, by its links. */
export function linkedFolder(io: Io, links: Readonly<Record<string, string>>): ArtifactFolder {
  return { names: Object.keys(links), open: (name) => download(io, links[name] ?? '') };
}

/** What was downloaded into a folder. @throws CommandFailedError when it is none that can be read */
export async function localFolder(path: string): Promise<ArtifactFolder> {
  const entries = await readdir(path, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  return { names, open: (name) => Readable.from(fileBytes(join(path, name))) };
}

async function* fileBytes(file: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(file) as AsyncIterable<Buffer>;
  } catch (error) {
    throw new CommandFailedError(`${file} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}
