import { createGunzip } from 'node:zlib';

/** The gzip stream ends too early or is damaged. What was readable before has been given out. */
export class DamagedGzipError extends Error {
  override name = 'DamagedGzipError';
}

/** Bytes that are handed to the decompressor at once: gzip can grow a thousandfold, and 16 KB then stay below 17 MB. */
const SLICE_BYTES = 16 * 1024;

/**
 * The file's bytes, decompressed where the content is gzip. The content decides and not the name, because names lie.
 * @throws DamagedGzipError behind the last byte that could be read.
 */
export async function* decompressed(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const chunks = buffers(source);
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 2) {
    const next = await chunks.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  const whole = startingWith(head, chunks);
  if (head[0] === 0x1f && head[1] === 0x8b) yield* gunzipped(whole);
  else yield* whole;
}

async function* buffers(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const chunk of source) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

async function* startingWith(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  yield* rest;
}

/**
 * Drives the decompressor by hand. A pipe would drop what is buffered when the stream breaks, and with it rows that
 * stood whole before the break.
 */
async function* gunzipped(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  const ready: Buffer[] = [];
  let settle: (error?: Error | null) => void = () => undefined;
  const step = (start: (done: (error?: Error | null) => void) => void) =>
    new Promise<Error | undefined>((resolve) => {
      settle = (error) => resolve(error ?? undefined);
      start(settle);
    });
  gunzip.on('data', (chunk: Buffer) => ready.push(chunk));
  gunzip.on('error', (error) => settle(error));
  try {
    for await (const chunk of source) {
      for (let from = 0; from < chunk.length; from += SLICE_BYTES) {
        const error = await step((done) => gunzip.write(chunk.subarray(from, from + SLICE_BYTES), done));
        yield* ready.splice(0);
        if (error !== undefined) throw damaged(error);
      }
    }
    const error = await step((done) => gunzip.once('end', () => done()).end());
    yield* ready.splice(0);
    if (error !== undefined) throw damaged(error);
  } finally {
    gunzip.destroy();
  }
}

function damaged(error: Error): DamagedGzipError {
  const isCut = 'code' in error && error.code === 'Z_BUF_ERROR';
  const what = isCut ? 'The gzip file was cut short' : 'The gzip file is damaged';
  return new DamagedGzipError(`${what}; compress and send it again. The rows before are kept.`, { cause: error });
}
