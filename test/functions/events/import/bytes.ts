import { gzipSync } from 'node:zlib';

/** A source of bytes in chunks of a size, as a download comes. */
export async function* inChunks(content: string | Buffer, size = 7): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(content);
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const element of source) all.push(element);
  return all;
}

/** What came before a source failed, and how it failed. */
export async function collectUntilError<T>(source: AsyncIterable<T>): Promise<{ all: T[]; error: unknown }> {
  const all: T[] = [];
  try {
    for await (const element of source) all.push(element);
  } catch (error) {
    return { all, error };
  }
  return { all, error: undefined };
}

/** Text that compresses badly, so that a cut falls in the middle of it. */
export function noisyLines(count: number): string[] {
  let state = 1;
  return Array.from({ length: count }, (_, index) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return `line-${index}-${state.toString(36)}`;
  });
}

export function cutGzip(lines: readonly string[]): Buffer {
  const whole = gzipSync(`${lines.join('\n')}\n`);
  return whole.subarray(0, Math.floor(whole.length / 2));
}
