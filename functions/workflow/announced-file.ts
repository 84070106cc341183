import { createHash } from 'node:crypto';
import { S3ServiceException } from '@aws-sdk/client-s3';
import { type Artifacts, putText, readBytes, streamText, type Written } from '../../store/artifacts.ts';
import type { RowError } from '../events/import/unreadable.ts';
import { NDJSON_TYPE } from './reconciliation/parts.ts';

/** A file that somebody announced by its digest, uploaded, and had read: what imports of entries and of lines share. */

/** Where such a file is uploaded to, and where its refused rows are listed, in the folder of its run. */
export const INPUT_FILE = 'input.csv';
export const ERRORS_FILE = 'errors.ndjson';

/** What is said of a file that is not there or is another one. */
export interface AnnouncedFile {
  /** SHA-256 that was announced, in hexadecimal digits. */
  readonly sha256: string;
  /** What has the link: `repair`. */
  readonly owner: string;
  /** What to do then: `plan again`. */
  readonly again: string;
  readonly fault: (message: string, options?: ErrorOptions) => Error;
}

/** The bytes of a file as it was announced. @throws what `fault` makes when it is not there, or at its end when it is another one */
export async function* announcedBytes(
  artifacts: Artifacts,
  key: string,
  { sha256, owner, again, fault }: AnnouncedFile,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of readBytes(artifacts, key)) {
      hash.update(chunk);
      yield Buffer.from(chunk);
    }
  } catch (error) {
    // Who may not list a bucket is told of what is not there that access is denied.
    const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
    if (status !== 404 && status !== 403) throw error;
    const advice = `upload it by the link that the ${owner} has, and ${again}`;
    throw fault(`The file was never uploaded; ${advice}.`, { cause: error });
  }
  if (hash.digest('hex') === sha256) return;
  throw fault(`The file that was uploaded is not the one that was announced; upload that one, and ${again}.`);
}

/** A row that is not imported, and why. */
export interface RefusedLine {
  /** Of the file; 1 is its first. */
  readonly line: number;
  readonly errors: readonly RowError[];
}

/** Lists refused rows, one to a line, in the order of the file. */
export function writeRefused(artifacts: Artifacts, key: string, refused: readonly RefusedLine[]): Promise<Written> {
  if (refused.length === 0) return putText(artifacts, key, NDJSON_TYPE, '');
  async function* lines() {
    for (const { line, errors } of [...refused].sort((a, b) => a.line - b.line)) {
      const [first, ...more] = errors;
      yield `${JSON.stringify({ line, ...first, ...(more.length > 0 && { more }) })}\n`;
    }
  }
  return streamText(artifacts, key, NDJSON_TYPE, lines());
}
