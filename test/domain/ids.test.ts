import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ID_PATTERN, isReservedId, RESERVED_PREFIXES, spread } from '../../domain/ids.ts';

/** Any text that the pattern lets through, short enough that prefixes of each other are common. */
const idText = fc
  .string({ minLength: 1, maxLength: 4, unit: 'grapheme-ascii' })
  .filter((text) => ID_PATTERN.test(text));

test('a suffix behind the separator never changes the order of ids, also where one begins with the other', () => {
  const pair = fc.oneof(
    fc.tuple(idText, idText),
    fc.tuple(idText, idText).map(([start, rest]): [string, string] => [start, start + rest]),
  );
  const suffix = fc.stringMatching(/^[0-9a-f]{16}$/);
  fc.assert(
    fc.property(pair, suffix, suffix, ([a, b], left, right) => {
      if (a === b) return;
      expect(`${a}#${left}` < `${b}#${right}`).toBe(a < b);
    }),
    { numRuns: 1000 },
  );
});

test.each(['', ' ', 'a b', 'a\u0000b', 'a\nb', 'é', 'a#b', 'a!b', 'a"b', 'a'.repeat(129)])(
  'refuses the id %j',
  (id) => {
    expect(ID_PATTERN.test(id)).toBe(false);
  },
);

test('keeps for the ledger what begins as the ids do that it gives itself', () => {
  expect(RESERVED_PREFIXES.map((prefix) => isReservedId(`${prefix}1`))).toEqual([true, true]);
  expect(['breakage', 'my-breakage:1', 'Repair:1', 'repair-1'].some(isReservedId)).toBe(false);
});

test('spreads ids evenly enough that no bucket is starved or flooded', () => {
  const counts = new Array<number>(64).fill(0);
  for (let index = 0; index < 64_000; index += 1) {
    const bucket = spread(`customer:c${index}`, 64);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  expect(Math.min(...counts)).toBeGreaterThan(700);
  expect(Math.max(...counts)).toBeLessThan(1300);
});
