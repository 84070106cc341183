import fc from 'fast-check';
import { changedAt, placesIn, rawJson, withMembers, writeJson } from './json-text.ts';

/** What people and machines send who mean no good, or do not know what they do. */

const TEXTS = [
  '',
  ' ',
  '\0',
  'a\0b',
  'a\nb',
  '\u007f',
  '#',
  'customer:a#2026-11-20',
  'transfer#x',
  'account#customer:acme',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'null',
  'undefined',
  'NaN',
  'true',
  '{% 1 %}',
  '{% $states.input %}',
  '{% $eval("1") %}',
  '$${x}',
  '{{7*7}}',
  '=1+1',
  '+1',
  '-1',
  '@SUM(A1)',
  '\t=1',
  '\r=1',
  "=cmd|'/c'!A0",
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' OR 1=1 --",
  '../../etc/passwd',
  '..',
  '.',
  '%2e%2e%2f',
  '%00',
  '%',
  '\u202egnp',
  '\ud800',
  '\udfff\ud800',
  '\u{1f4a9}'.repeat(70),
  'e\u0301',
  '\ufeff',
  'a'.repeat(65),
  'a'.repeat(129),
  'x'.repeat(3_000),
  'customer:',
  ':',
  'customer:a:b:c:d:e:f:g:h:i',
  'CUSTOMER:acme',
  'platform:funding',
  'breakage:x:1.1',
  'repair:x',
  'arn:aws:iam::000000000000:role/x',
  '1e3',
  '-0',
  '0x10',
  '1'.repeat(24),
  '1'.repeat(39),
  '9007199254740993',
  '1.5',
  '2026-02-30',
  '2026-11-20T25:00:00Z',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999Z',
  '+012026-01-01T00:00:00Z',
  '2026-11-20T08:15:30.123456789Z',
  '2026-11-20T08:15:30+14:00',
] as const;

export const hostileText: fc.Arbitrary<string> = fc.oneof(
  { arbitrary: fc.constantFrom(...TEXTS), weight: 4 },
  { arbitrary: fc.string({ unit: 'binary', maxLength: 200 }), weight: 1 },
  { arbitrary: fc.string({ unit: 'grapheme', maxLength: 100 }), weight: 1 },
);

const NUMBERS = [
  '0',
  '-0',
  '-1',
  '1.5',
  '0.99999999999999999',
  '1e2',
  '1e-7',
  '1e30',
  `1${'0'.repeat(30)}`,
  `-1${'0'.repeat(30)}`,
  '1e400',
  '-1e400',
  '9007199254740991',
  '9007199254740993',
  '2147483648',
  '4294967296',
  '9'.repeat(400),
];

/** A value of any type in place of the one that belongs there. */
export const hostileJson: fc.Arbitrary<unknown> = fc.oneof(
  { arbitrary: hostileText, weight: 4 },
  { arbitrary: fc.constantFrom(...NUMBERS).map(rawJson), weight: 3 },
  { arbitrary: fc.constantFrom<unknown>(null, true, false, [], {}, [[]], [null], { '': '' }, ['a', 'a']), weight: 2 },
  { arbitrary: fc.integer({ min: 10, max: 2_000 }).map((depth) => rawJson(nested(depth))), weight: 1 },
  { arbitrary: fc.integer({ min: 20, max: 1_500 }).map((size) => Array.from({ length: size }, () => ({}))), weight: 1 },
  { arbitrary: hostileText.map((text) => ({ [text]: text, toString: text, length: 3 })), weight: 1 },
);

function nested(depth: number): string {
  return `${'{"a":['.repeat(depth)}${']}'.repeat(depth)}`;
}

/** A document with one to three things wrong with it, written out. */
export function spoilt(document: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  const spot = fc.tuple(fc.nat(1_000), fc.constantFrom('replace', 'remove', 'add', 'twice', 'proto'), hostileJson);
  const rest = fc.tuple(hostileText, fc.array(spot, { minLength: 1, maxLength: 3 }));
  return fc.tuple(document, rest).map(([value, [name, spots]]) => {
    const changed = spots.reduce<unknown>((whole, [place, how, other]) => {
      const places = placesIn(whole);
      const path = places[place % places.length] ?? [];
      return changedAt(whole, path, (there) => spoiltValue(there, how, name, other));
    }, value);
    return writeJson(changed);
  });
}

function spoiltValue(there: unknown, how: string, name: string, other: unknown): unknown {
  const isObject = typeof there === 'object' && there !== null && !Array.isArray(there);
  if (how === 'remove') return undefined;
  if (how === 'replace' || !isObject) return other;
  if (how === 'proto') return withMembers(there, [['__proto__', { polluted: 'yes' }]]);
  if (how === 'add') return withMembers(there, [[name, other]]);
  return withMembers(there, Object.entries(there).slice(0, 1));
}

/** Bytes: a document that is cut, wrapped, not UTF-8, not JSON, or far too large. */
export function brokenBytes(document: fc.Arbitrary<string>): fc.Arbitrary<Body> {
  return fc.tuple(document, fc.nat(10_000), fc.constantFrom(...BREAKAGES)).map(([text, place, broken]) => {
    const at = place % (text.length + 1);
    return broken(text, at);
  });
}

/** A body; what is large is made only when it is sent. */
export interface Body {
  readonly text: string;
  /** Bytes before and behind the text. */
  readonly before?: readonly number[];
  readonly padding?: { readonly with: string; readonly times: number };
}

export function bytesOf({ text, before = [], padding }: Body): Buffer {
  const behind = padding === undefined ? '' : padding.with.repeat(padding.times);
  return Buffer.concat([Buffer.from(before), Buffer.from(text), Buffer.from(behind)]);
}

const BREAKAGES: readonly ((text: string, at: number) => Body)[] = [
  (text, at) => ({ text: text.slice(0, at) }),
  (text, at) => ({ text: `${text.slice(0, at)}\u0000${text.slice(at)}` }),
  (text) => ({ text, before: [0xff, 0xfe] }),
  (text) => ({ text, before: [0xef, 0xbb, 0xbf] }),
  (text) => ({ text, before: [0xc0, 0x80] }),
  (text) => ({ text, padding: { with: ' ', times: 513 * 1024 } }),
  (text) => ({ text, padding: { with: '\n', times: 200 * 1024 } }),
  (text) => ({ text: `"${'a'.repeat(600)}`, padding: { with: text.slice(0, 3) || 'a', times: 260_000 } }),
  () => ({ text: '', padding: { with: '[', times: 100_000 } }),
  () => ({ text: '', padding: { with: '{"a":', times: 50_000 } }),
  () => ({ text: '' }),
  () => ({ text: 'null' }),
  () => ({ text: '[]' }),
  () => ({ text: '"text"' }),
  () => ({ text: '12' }),
  () => ({ text: '{}' }),
  (text) => ({ text: `${text}${text}` }),
  (text) => ({ text: `[${text},${text}]` }),
  (text) => ({ text: text.replaceAll('"', "'") }),
  (text) => ({ text: `/**/${text}` }),
  (text) => ({ text: Buffer.from(text).toString('base64') }),
];
