import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { hostileText } from './hostile.ts';

/** Usage files and files of entries as they come from broken exports, half uploads, and people who mean no good. */

export interface HostileFile {
  readonly bytes: Buffer;
  /** Request ids of rows that stand whole and alone on their lines, before anything that is broken. */
  readonly whole: readonly string[];
  /** Whether a row that is read must be one that was written: nothing was changed or cut that nobody can notice. */
  readonly isExact: boolean;
}

/** How rows of one kind of file are written. */
export interface FileKind {
  readonly header: string;
  readonly row: (requestId: string) => string;
}

const NASTY_LINES = [
  '"',
  '""',
  '"""',
  'a,"b',
  'a,b"c"',
  '"a"b,c',
  ',,,,,,,,,,',
  '\0\0\0',
  '\ufeff',
  '{"requestId":',
  '{"a":1}{"b":2}',
  '[1,2,3]',
  'null',
  '"text"',
  '1e999',
  '{"__proto__":{"account":"customer:acme"}}',
  '{"requestId":"x","requestId":"y"}',
  `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
  `${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}`,
  'x'.repeat(70_000),
  `"${'y'.repeat(30_000)}`,
  `${'z,'.repeat(20_000)}`,
  '=1+1,@x,-1,+1,\t',
  '<script>alert(1)</script>',
  '{% $eval("1") %}',
];

const line = fc.oneof(
  fc.constantFrom(...NASTY_LINES),
  hostileText.map((text) => text.replaceAll('\n', ' ')),
);
const ending = fc.constantFrom('\n', '\r\n', '\n\n', '\r\r\n');

/** Whole rows, then whole rows and broken lines among each other, with line ends of all kinds. */
export function hostileFile({ header, row }: FileKind): fc.Arbitrary<HostileFile> {
  const good = fc.nat(9_999).map((number) => `w-${number}`);
  const start = fc.tuple(fc.boolean(), fc.uniqueArray(good, { maxLength: 6 }), ending);
  const rest = fc.array(
    fc.tuple(
      fc.oneof(
        line,
        good.map((id) => row(`late-${id}`)),
      ),
      ending,
    ),
    { maxLength: 12 },
  );
  const text = fc.tuple(start, rest).map(([[hasMark, whole, end], broken]) => {
    const head = header === '' ? '' : header + end;
    const rows = whole.map((id) => row(id) + end).join('');
    const tail = broken.map(([content, its]) => content + its).join('');
    return { whole, isExact: true, bytes: Buffer.from(`${hasMark ? '\ufeff' : ''}${head}${rows}${tail}`) };
  });
  return fc.tuple(text, fc.nat(), fc.constantFrom(...PACKINGS)).map(([file, place, packed]) => packed(file, place));
}

const PACKINGS: readonly ((file: HostileFile, place: number) => HostileFile)[] = [
  (file) => file,
  (file) => file,
  (file) => ({ ...file, bytes: gzipSync(file.bytes) }),
  // Members one behind the other, cut within a row.
  ({ bytes, whole }, place) => {
    const at = place % (bytes.length + 1);
    return {
      whole,
      isExact: true,
      bytes: Buffer.concat([gzipSync(bytes.subarray(0, at)), gzipSync(bytes.subarray(at))]),
    };
  },
  (file) => ({ ...file, bytes: Buffer.concat([gzipSync(file.bytes), Buffer.from('what is this')]) }),
  (file) => ({ ...file, bytes: Buffer.concat([gzipSync(file.bytes), Buffer.alloc(600)]) }),
  // Cut short or damaged: what stood whole before may be lost with it, because nobody can tell how much of it is true.
  ({ bytes }, place) => ({ whole: [], isExact: true, bytes: cutAt(gzipSync(bytes), place) }),
  ({ bytes }, place) => ({ whole: [], isExact: false, bytes: flippedAt(gzipSync(bytes), place) }),
  ({ bytes }, place) => ({ whole: [], isExact: false, bytes: cutAt(bytes, place) }),
  ({ bytes }, place) => ({ whole: [], isExact: false, bytes: flippedAt(bytes, place) }),
  ({ bytes }) => ({ whole: [], isExact: false, bytes: gzipSync(gzipSync(bytes)) }),
  ({ bytes }) => ({ whole: [], isExact: false, bytes: Buffer.from(bytes.toString(), 'utf16le') }),
  () => ({ whole: [], isExact: false, bytes: Buffer.alloc(0) }),
  () => ({ whole: [], isExact: false, bytes: Buffer.from([0x1f, 0x8b]) }),
];

function cutAt(bytes: Buffer, place: number): Buffer {
  return bytes.subarray(0, place % (bytes.length + 1));
}

function flippedAt(bytes: Buffer, place: number): Buffer {
  const changed = Buffer.from(bytes);
  const at = place % Math.max(1, bytes.length);
  if (at < changed.length) changed[at] = (changed[at] ?? 0) ^ (1 << (place % 8));
  return changed;
}
