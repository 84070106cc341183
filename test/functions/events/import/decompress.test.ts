import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { DamagedGzipError, decompressed } from '../../../../functions/events/import/decompress.ts';
import { collect, collectUntilError, cutGzip, inChunks, noisyLines } from './bytes.ts';

async function textOf(content: string | Buffer, size?: number): Promise<string> {
  return Buffer.concat(await collect(decompressed(inChunks(content, size)))).toString();
}

describe('decompressed', () => {
  test.each([1, 2, 7, 65_536])('tells gzip by its first bytes, in chunks of %i', async (size) => {
    const text = noisyLines(500).join('\n');
    expect(await textOf(gzipSync(text), size)).toBe(text);
    expect(await textOf(text, size)).toBe(text);
  });

  test('reads files that were compressed in several members', async () => {
    const members = Buffer.concat([gzipSync('a\n'), gzipSync('b\n')]);
    for (const size of [1, gzipSync('a\n').length, 65_536]) expect(await textOf(members, size)).toBe('a\nb\n');
  });

  test.each([1, 512, 200_000])('accepts %i zero bytes of padding behind the end', async (count) => {
    const text = noisyLines(500).join('\n');
    const packed = gzipSync(text);
    const padded = Buffer.concat([packed, Buffer.alloc(count)]);
    for (const size of [packed.length, 7_000, 65_536]) expect(await textOf(padded, size)).toBe(text);
  });

  test.each([
    ['text', Buffer.from('more,text\n')],
    ['text behind padding', Buffer.concat([Buffer.alloc(512), Buffer.from('more,text\n')])],
    ['a member behind padding', Buffer.concat([Buffer.alloc(512), gzipSync('more')])],
  ])('says that %s behind the end is not gzip, and loses nothing before it', async (_, junk) => {
    const text = noisyLines(500).join('\n');
    const packed = gzipSync(text);
    for (const size of [packed.length, 100, 65_536]) {
      const { all, error } = await collectUntilError(decompressed(inChunks(Buffer.concat([packed, junk]), size)));
      expect(Buffer.concat(all).toString()).toBe(text);
      expect(error).toBeInstanceOf(DamagedGzipError);
      expect(String(error)).toContain('behind its end stands something that is not gzip');
    }
  });

  test.each(['', 'x'])('passes on what is too short to be gzip: %j', async (text) => {
    expect(await textOf(text)).toBe(text);
  });

  test('gives out what stood before a cut, then says that the file was cut', async () => {
    const lines = noisyLines(5_000);
    const { all, error } = await collectUntilError(decompressed(inChunks(cutGzip(lines), 65_536)));
    const text = Buffer.concat(all).toString();
    expect(text.length).toBeGreaterThan(10_000);
    expect(`${lines.join('\n')}\n`.startsWith(text)).toBe(true);
    expect(error).toBeInstanceOf(DamagedGzipError);
    expect(String(error)).toContain('was cut short');
  });

  test('says that a damaged file is damaged', async () => {
    const text = noisyLines(5_000).join('\n');
    const bytes = gzipSync(text);
    bytes.fill(0xff, bytes.length / 2, bytes.length / 2 + 64);
    const { all, error } = await collectUntilError(decompressed(inChunks(bytes, 65_536)));
    const read = Buffer.concat(all).toString();
    // Well within the half before the damage.
    expect(read.slice(0, 20_000)).toBe(text.slice(0, 20_000));
    expect(error).toBeInstanceOf(DamagedGzipError);
    expect(String(error)).toContain('is damaged');
  });

  test('passes on the fault of its source as it is', async () => {
    const fault = new Error('connection reset');
    async function* broken() {
      yield gzipSync('a\n').subarray(0, 10);
      throw fault;
    }
    expect((await collectUntilError(decompressed(broken()))).error).toBe(fault);
  });
});
