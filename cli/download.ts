import { createReadStream, createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CommandFailedError } from './failure.ts';
import type { Io } from './io.ts';

/** Saves what a link of the service leads to. @throws CommandFailedError when it cannot be fetched or written. */
export async function downloadTo(io: Io, link: string, file: string): Promise<void> {
  try {
    await pipeline(fetched(io, link), createWriteStream(file), { signal: io.signal });
  } catch (error) {
    io.signal.throwIfAborted();
    if (error instanceof CommandFailedError) throw error;
    throw new CommandFailedError(`${file} could not be written: ${reason(error)}.`, { cause: error });
  }
}

/**
 * The lines of an NDJSON artifact, one by one.
 * @throws CommandFailedError when it cannot be fetched to its end, or is no NDJSON.
 */
export async function* downloadLines(io: Io, link: string): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of fetched(io, link)) {
    const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield parseLine(line);
  }
  if (rest !== '') yield parseLine(rest);
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new CommandFailedError(`An artifact has a line that is not JSON: ${line.slice(0, 80)}`, { cause: error });
  }
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

/** An artifact as it is, piece by piece. @throws CommandFailedError when it cannot be fetched to its end. */
export function download(io: Io, link: string): Readable {
  return Readable.from(fetched(io, link));
}

/** The bytes behind a link. A connection that breaks on the way fails it like one that never came about. */
async function* fetched(io: Io, link: string): AsyncGenerator<Uint8Array> {
  try {
    const response = await io.fetch(link, { signal: io.signal });
    if (!response.ok || response.body === null) {
      throw new CommandFailedError(
        `An artifact could not be fetched (status ${response.status}). Its link is good for 15 minutes; ask for it again.`,
      );
    }
    yield* Readable.fromWeb(response.body);
  } catch (error) {
    io.signal.throwIfAborted();
    if (error instanceof CommandFailedError) throw error;
    throw new CommandFailedError(`An artifact could not be fetched: ${reason(error)}.`, { cause: error });
  }
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
