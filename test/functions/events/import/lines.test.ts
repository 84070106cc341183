import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decompressed } from '../../../../functions/events/import/decompress.ts';
import { LINE_BYTES_MAX, readLines } from '../../../../functions/events/import/lines.ts';
import { UnreadableFileError } from '../../../../functions/events/import/unreadable.ts';
import { collect, collectUntilError, cutGzip, inChunks, noisyLines } from './bytes.ts';

const linesOf = (content: string | Buffer, size?: number) => collect(readLines(inChunks(content, size)));

describe('readLines', () => {
  test('numbers lines from 1 and drops either kind of line end', async () => {
    expect(await linesOf('a\r\nb\n\nc')).toEqual([
      { number: 1, text: 'a' },
      { number: 2, text: 'b' },
      { number: 3, text: '' },
      { number: 4, text: 'c' },
    ]);
  });

  test('gives the same lines however the bytes come', async () => {
    const text = fc.array(fc.string({ unit: 'grapheme' }).map((line) => line.replace(/[\r\n\uFEFF]/g, '')));
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 40 }), async (lines, size) => {
        const read = await linesOf(lines.map((line) => `${line}\n`).join(''), size);
        expect(read.map((line) => line.text)).toEqual(lines);
      }),
      { numRuns: 200 },
    );
  });

  test('passes over a byte order mark, cut in two or not', async () => {
    expect(await linesOf('\uFEFFa', 1)).toEqual([{ number: 1, text: 'a' }]);
    expect(await linesOf('\uFEFFa', 10)).toEqual([{ number: 1, text: 'a' }]);
  });

  test('marks a line that is too long and goes on behind it', async () => {
    const [first, long, last] = await linesOf(`a\n${'x'.repeat(LINE_BYTES_MAX + 5)}\nb\n`, 1_000);
    expect(first).toEqual({ number: 1, text: 'a' });
    expect(long?.fault).toBe(`must have at most ${LINE_BYTES_MAX} bytes and has ${LINE_BYTES_MAX + 5}`);
    expect(long?.text).toHaveLength(LINE_BYTES_MAX);
    expect(last).toEqual({ number: 3, text: 'b' });
  });

  test('takes a line of exactly the longest length', async () => {
    const [line] = await linesOf('x'.repeat(LINE_BYTES_MAX), 10_000);
    expect(line?.fault).toBeUndefined();
  });

  test('marks a line that is not UTF-8', async () => {
    const [line, next] = await linesOf(Buffer.concat([Buffer.from([0x61, 0xe9, 0x0a]), Buffer.from('b')]));
    expect(line?.fault).toBe('must be text in UTF-8');
    expect(next).toEqual({ number: 2, text: 'b' });
  });

  test('refuses UTF-16 with advice', async () => {
    const { error } = await collectUntilError(readLines(inChunks(Buffer.from('\uFEFFa,b\n', 'utf16le'))));
    expect(error).toBeInstanceOf(UnreadableFileError);
    expect(String(error)).toContain('save it as UTF-8');
  });

  test('keeps the whole lines before a cut, names the cut line, and does not give half a line', async () => {
    const lines = noisyLines(5_000);
    const { all, error } = await collectUntilError(readLines(decompressed(inChunks(cutGzip(lines), 4_096))));
    expect(all.length).toBeGreaterThan(1_000);
    expect(all.map(({ text }) => text)).toEqual(lines.slice(0, all.length));
    expect(error).toMatchObject({ name: 'UnreadableFileError', line: all.length + 1 });
  });

  test('stops where a file is beyond its limits, however small it was packed, and keeps the lines before', async () => {
    const bomb = gzipSync(`a,b\n1,2\n${'\0'.repeat(50_000_000)}`);
    const limits = { bytes: 4_000_000, lines: 1_000 };
    const inOneLine = await collectUntilError(readLines(decompressed(inChunks(bomb, 65_536)), limits));
    expect(inOneLine.all.map(({ text }) => text)).toEqual(['a,b', '1,2']);
    expect(inOneLine.error).toMatchObject({ name: 'UnreadableFileError', line: 3 });
    expect(String(inOneLine.error)).toContain('more than 4000000 bytes');
    const blank = gzipSync('\n'.repeat(3_000_000));
    const inMany = await collectUntilError(readLines(decompressed(inChunks(blank, 65_536)), limits));
    expect(inMany.all).toHaveLength(1_000);
    expect(inMany.error).toMatchObject({ name: 'UnreadableFileError', line: 1_001 });
    expect(String(inMany.error)).toContain('more than 1000 lines');
    const justRight = await collect(readLines(inChunks('x\n'.repeat(1_000), 64), limits));
    expect(justRight).toHaveLength(1_000);
  });

  test('reads gzip and plain text alike', async () => {
    const lines = noisyLines(100);
    const read = await collect(readLines(decompressed(inChunks(gzipSync(lines.join('\n')), 100))));
    expect(read.map(({ text }) => text)).toEqual(lines);
  });
});
