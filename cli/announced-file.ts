import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { upload } from './download.ts';
import { CommandFailedError } from './failure.ts';
import type { Io } from './io.ts';
import { progressBar } from './progress.ts';

/** A file that the service is told of by its digest before it is sent. */

/** @throws CommandFailedError when it cannot be read, or is empty. */
export async function digestOf(io: Io, file: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(file, { signal: io.signal }) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  } catch (error) {
    io.signal.throwIfAborted();
    throw new CommandFailedError(`${file} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
  if (bytes === 0) throw new CommandFailedError(`${file} is empty.`);
  return { sha256: hash.digest('hex'), bytes };
}

/** Sends it by the link that the service gave. */
export async function sendFile(io: Io, link: string, file: string, size: number): Promise<void> {
  const bar = progressBar(io, 'Sending', 'bytes');
  try {
    await upload(io, { link, file, size, onSent: (bytes) => bar.update(bytes, size) });
  } finally {
    bar.stop();
  }
}
