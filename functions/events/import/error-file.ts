import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { RowError } from './unreadable.ts';

/** The NDJSON file of refused rows. It is made at the first of them, so that a good file leaves none. */
export interface ErrorFile {
  /** Adds a line for a refused row: `{line, field, rule, value}`, with `more` where it broke several rules. */
  add(line: number, errors: readonly RowError[]): Promise<void>;
  /** Completes the file. Gives its key, or undefined when there were no errors. */
  close(): Promise<string | undefined>;
  /** Gives up: no file comes of it. */
  discard(): Promise<void>;
}

/** Streams to S3 in parts, because every row of a large file may be refused and memory must not grow with them. */
export function createErrorFile({ s3, bucket, key }: { s3: S3Client; bucket: string; key: string }): ErrorFile {
  let open: { stream: PassThrough; done: Promise<unknown> } | undefined;

  const start = () => {
    const stream = new PassThrough();
    // A failed upload destroys the stream, so that whoever waits for it to drain learns of it; `done` tells the rest.
    stream.on('error', () => undefined);
    const params = { Bucket: bucket, Key: key, Body: stream, ContentType: 'application/x-ndjson' };
    // What a broken upload leaves, the bucket clears away; doing it here would need one more permission.
    const upload = new Upload({ client: s3, params, queueSize: 1, leavePartsOnError: true });
    const done = upload.done();
    done.catch((error: unknown) => stream.destroy(error instanceof Error ? error : new Error(String(error))));
    return { stream, done };
  };

  return {
    async add(line, [first, ...more]) {
      if (first === undefined) return;
      open ??= start();
      const { stream } = open;
      if (stream.errored !== null) throw stream.errored;
      const text = JSON.stringify({ line, ...first, ...(more.length > 0 && { more }) });
      if (!stream.write(`${text}\n`)) await once(stream, 'drain');
    },
    async close() {
      if (open === undefined) return undefined;
      open.stream.end();
      await open.done;
      return key;
    },
    async discard() {
      if (open === undefined) return;
      open.stream.destroy(new Error('The import stopped before the end of its file.'));
      await open.done.catch(() => undefined);
    },
  };
}
