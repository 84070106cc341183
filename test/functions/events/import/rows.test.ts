import { describe, expect, test } from 'vitest';
import { LINE_BYTES_MAX, readLines } from '../../../../functions/events/import/lines.ts';
import { type Row, readCsvRows, readNdjsonRows } from '../../../../functions/events/import/rows.ts';
import { collect, inChunks } from './bytes.ts';

const csv = (text: string) => collect(readCsvRows(readLines(inChunks(text, 1_000)), () => undefined));
const ndjson = (text: string) => collect(readNdjsonRows(readLines(inChunks(text, 1_000))));

const values = (rows: readonly Row[]) =>
  rows.map((row) => ('values' in row ? row.values : `line ${row.line}: refused`));

describe('readCsvRows', () => {
  test('names values by the header and rows by their line', async () => {
    expect(await csv('a,b\n1,2\n\n3, 4 \n')).toEqual([
      { line: 2, values: { a: '1', b: '2' } },
      { line: 4, values: { a: '3', b: '4' } },
    ]);
  });

  test('reads quoted fields over several lines, and names the row by its first line', async () => {
    expect(await csv('a,b\r\n1,"x\r\n""y"", z"\r\n3,4\r\n')).toEqual([
      { line: 2, values: { a: '1', b: 'x\n"y", z' } },
      { line: 4, values: { a: '3', b: '4' } },
    ]);
  });

  test('refuses a row with another number of fields, and it alone', async () => {
    const rows = await csv('a,b\n1,2,3\n4\n5,6\n');
    expect(values(rows)).toEqual(['line 2: refused', 'line 3: refused', { a: '5', b: '6' }]);
    expect(rows[0]).toEqual({
      line: 2,
      error: { field: 'line', rule: 'must have 2 fields, as the header has, and has 3', value: '1,2,3' },
    });
  });

  test.each([
    ['inside a bare field', '1,5" pipe'],
    ['behind a quoted field', '1,"5"x'],
  ])('refuses a row with a quote %s, and it alone', async (_, bad) => {
    expect(values(await csv(`a,b\n${bad}\n3,4\n`))).toEqual(['line 2: refused', { a: '3', b: '4' }]);
  });

  test.each([
    ['to the end of the file', '3,4\n5,6\n'],
    ['to the next quote', '3,"4"\n5,6\n'],
  ])('refuses a row whose quote stays open %s, and it alone', async (_, rest) => {
    const rows = await csv(`a,b\n1,"2\n${rest}`);
    expect(values(rows)).toEqual(['line 2: refused', { a: '3', b: '4' }, { a: '5', b: '6' }]);
    expect(rows[0]).toMatchObject({ error: { rule: 'opens a quote that is never closed', value: '1,"2' } });
  });

  test('keeps every good row behind a quote that swallows more than a record may have', async () => {
    const rest = Array.from({ length: 20_000 }, (_, index) => `${index},x`);
    const rows = await csv(`a,b\n1,"2\n${rest.join('\n')}\n`);
    expect(rows).toHaveLength(20_001);
    expect(rows.filter((row) => 'error' in row)).toHaveLength(1);
  });

  test('refuses a row that is too long, and it alone', async () => {
    const rows = await csv(`a,b\n1,${'x'.repeat(LINE_BYTES_MAX)}\n3,4\n`);
    expect(values(rows)).toEqual(['line 2: refused', { a: '3', b: '4' }]);
  });

  test.each([
    ['an empty file', '', 1, 'needs a header'],
    ['a header with a column twice', 'a,b,a\n1,2,3\n', 1, '"a" is there twice'],
    ['a header that is broken', '\na,"b\n', 2, 'The header cannot be read'],
  ])('refuses %s as a whole', async (_, text, line, message) => {
    await expect(csv(text)).rejects.toMatchObject({ name: 'UnreadableFileError', line });
    await expect(csv(text)).rejects.toThrow(message);
  });

  test('refuses the file when something speaks against its columns', async () => {
    const rows = collect(readCsvRows(readLines(inChunks('a,b\n1,2\n')), (columns) => `no good: ${columns.join('+')}`));
    await expect(rows).rejects.toMatchObject({ name: 'UnreadableFileError', line: 1, message: 'no good: a+b' });
  });
});

describe('readNdjsonRows', () => {
  test('reads objects and passes over blank lines', async () => {
    expect(await ndjson('{"a":1}\n\n  \n{"b":{"c":"x"}}')).toEqual([
      { line: 1, values: { a: 1 } },
      { line: 4, values: { b: { c: 'x' } } },
    ]);
  });

  test.each(['{"a":1', '[1]', '"x"', 'null', '12', "{'a':1}"])('refuses %s, and it alone', async (bad) => {
    const rows = await ndjson(`${bad}\n{"a":1}\n`);
    expect(values(rows)).toEqual(['line 1: refused', { a: 1 }]);
    expect(rows[0]).toMatchObject({ error: { field: 'line', value: bad } });
  });

  test('refuses a row that names a prototype, and it alone', async () => {
    const rows = await ndjson('{"a":{"__proto__":1}}\n{"a":1}\n');
    expect(values(rows)).toEqual(['line 1: refused', { a: 1 }]);
    expect(rows[0]).toMatchObject({ error: { rule: 'must not have the key "__proto__"' } });
  });

  test('cuts what it shows of a bad line', async () => {
    const [row] = await ndjson(`"${'x'.repeat(500)}"`);
    expect(row).toMatchObject({ error: { value: `"${'x'.repeat(79)}` } });
  });

  test('finds nothing in an empty file', async () => {
    expect(await ndjson('')).toEqual([]);
  });
});
