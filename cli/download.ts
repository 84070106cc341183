import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CommandFailedError } from './failure.ts';
import type { Io } from './io.ts';

/** Saves what a link of the service leads to. @throws CommandFailedError when it cannot be fetched or written. */
export async function downloadTo(io: Io, link: string, file: string): Promise<void> {
  const body = await open(io, link);
  try {
    await pipeline(body, createWriteStream(file), { signal: io.signal });
  } catch (error) {
    io.signal.throwIfAborted();
    throw new CommandFailedError(`${file} could not be written: ${reason(error)}.`, { cause: error });
  }
}

/** The lines of an NDJSON artifact, one by one. */
export async function* downloadLines(io: Io, link: string): AsyncGenerator<unknown> {
  const lines = createInterface({ input: await open(io, link), crlfDelay: Number.POSITIVE_INFINITY });
  for await (const line of lines) if (line !== '') yield JSON.parse(line);
}

/**
 * Sends a file to a link of the service. The size goes ahead in a header, because S3 takes no upload of unknown length.
 * @param onSent called with the bytes handed over so far.
 */
export async function upload(
  io: Io,
  { link, file, size, onSent }: { link: string; file: string; size: number; onSent: (bytes: number) => void },
): Promise<void> {
  let response: Response;
  try {
    response = await io.fetch(link, {
      method: 'PUT',
      body: Readable.toWeb(Readable.from(counted(file, onSent))),
      duplex: 'half',
      headers: { 'content-length': size.toString() },
      signal: io.signal,
    });
  } catch (error) {
    io.signal.throwIfAborted();
    throw new CommandFailedError(`The upload broke off: ${reason(error)}. Run the same command again.`, {
      cause: error,
    });
  }
  if (!response.ok) {
    const said = (await response.text()).slice(0, 200);
    throw new CommandFailedError(`The upload was refused with status ${response.status}: ${said}`);
  }
}

async function* counted(file: string, onSent: (bytes: number) => void): AsyncGenerator<Buffer> {
  let sent = 0;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    yield chunk;
    sent += chunk.length;
    onSent(sent);
  }
}

async function open(io: Io, link: string): Promise<Readable> {
  let response: Response;
  try {
    response = await io.fetch(link, { signal: io.signal });
  } catch (error) {
    io.signal.throwIfAborted();
    throw new CommandFailedError(`An artifact could not be fetched: ${reason(error)}.`, { cause: error });
  }
  if (!response.ok || response.body === null) {
    throw new CommandFailedError(
      `An artifact could not be fetched (status ${response.status}). Its link is good for 15 minutes; ask for it again.`,
    );
  }
  return Readable.fromWeb(response.body);
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
