import { createGunzip } from 'node:zlib';

/** The gzip stream ends too early or is damaged. What was readable before has been given out. */
export class DamagedGzipError extends Error {
  override name = 'DamagedGzipError';
}

/** Bytes that are handed to the decompressor at once: gzip can grow a thousandfold, and 16 KB then stay below 17 MB. */
const SLICE_BYTES = 16 * 1024;

/**
 * The file's bytes, decompressed where the content is gzip. The content decides and not the name, because names lie.
 * Zero bytes behind the end are padding, as some tools write it.
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
 * A decompressor loses what it has unpacked of a slice when the same slice is broken further on, and with it rows that
 * stood whole before the break. So a scout goes ahead; a slice that breaks it is unpacked byte by byte.
 */
async function* gunzipped(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const scout = createUnpacker();
  const unpacker = createUnpacker();
  try {
    for await (const chunk of source) {
      for (let from = 0; from < chunk.length; from += SLICE_BYTES) {
        const slice = chunk.subarray(from, from + SLICE_BYTES);
        const { fault } = await scout.write(slice);
        const step = fault === undefined ? slice.length : 1;
        for (let at = 0; at < slice.length; at += step)
          yield* given(await unpacker.write(slice.subarray(at, at + step)));
      }
    }
    yield* given(await unpacker.end());
  } finally {
    scout.destroy();
    unpacker.destroy();
  }
}

interface Unpacked {
  readonly data: readonly Buffer[];
  readonly fault: Error | undefined;
}

function* given({ data, fault }: Unpacked): Generator<Buffer> {
  yield* data;
  if (fault !== undefined) throw damaged(fault);
}

/** Drives gunzip by hand, because a pipe drops what is buffered when the stream breaks. */
function createUnpacker() {
  const gunzip = createGunzip();
  const ready: Buffer[] = [];
  let settle: (fault?: Error | null) => void = () => undefined;
  gunzip.on('data', (chunk: Buffer) => ready.push(chunk));
  gunzip.on('error', (fault) => settle(fault));
  // Padding ends the stream, and the write that came upon it is never called back.
  gunzip.on('end', () => settle());
  const step = async (start: (done: (fault?: Error | null) => void) => void): Promise<Unpacked> => {
    const fault = await new Promise<Error | null | undefined>((resolve) => {
      settle = resolve;
      start(resolve);
    });
    return { data: ready.splice(0), fault: fault ?? undefined };
  };
  return {
    async write(piece: Buffer): Promise<Unpacked> {
      if (gunzip.readableEnded) return { data: [], fault: faultOfPadding(piece) };
      const before = gunzip.bytesWritten;
      const { data, fault } = await step((done) => gunzip.write(piece, done));
      // What stands behind the end was not taken.
      const rest = gunzip.readableEnded ? piece.subarray(gunzip.bytesWritten - before) : Buffer.alloc(0);
      return { data, fault: fault ?? faultOfPadding(rest) };
    },
    end: async (): Promise<Unpacked> =>
      gunzip.readableEnded ? { data: [], fault: undefined } : step(() => gunzip.end()),
    destroy: () => gunzip.destroy(),
  };
}

/** What zlib says of bytes behind the end that begin no further member. */
const NO_HEADER = 'incorrect header check';

function faultOfPadding(bytes: Buffer): Error | undefined {
  return bytes.every((byte) => byte === 0) ? undefined : new Error(NO_HEADER);
}

function damaged(fault: Error): DamagedGzipError {
  const isCut = 'code' in fault && fault.code === 'Z_BUF_ERROR';
  const what = isCut
    ? 'The gzip file was cut short'
    : fault.message === NO_HEADER
      ? 'The gzip file is damaged: behind its end stands something that is not gzip'
      : 'The gzip file is damaged';
  return new DamagedGzipError(`${what}; compress and send it again. The rows before are kept.`, { cause: fault });
}
