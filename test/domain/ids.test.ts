import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ID_PATTERN, spread } from '../../domain/ids.ts';

const idText = fc.stringMatching(/^[$-~]{1,12}$/);

test('a suffix behind the separator never changes the order of ids', () => {
  fc.assert(
    fc.property(idText, idText, fc.stringMatching(/^[0-9a-f]{0,8}$/), (a, b, suffix) => {
      if (a === b) return;
      expect(`${a}#${suffix}` < `${b}#${suffix}`).toBe(a < b);
    }),
  );
});

test.each(['', ' ', 'a b', 'a\u0000b', 'a\nb', 'é', 'a#b', 'a!b', 'a"b', 'a'.repeat(129)])(
  'refuses the id %j',
  (id) => {
    expect(ID_PATTERN.test(id)).toBe(false);
  },
);

test('spreads ids evenly enough that no bucket is starved or flooded', () => {
  const counts = new Array<number>(64).fill(0);
  for (let index = 0; index < 64_000; index += 1) {
    const bucket = spread(`customer:c${index}`, 64);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  expect(Math.min(...counts)).toBeGreaterThan(700);
  expect(Math.max(...counts)).toBeLessThan(1300);
});
