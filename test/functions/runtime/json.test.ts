import { describe, expect, test } from 'vitest';
import { ForbiddenKeyError, parseUnbent, TooDeepError } from '../../../functions/runtime/json.ts';

describe('parseUnbent', () => {
  test('reads JSON as it is', () => {
    expect(parseUnbent('{"a":[1,-2,"1.5",null,true]}')).toEqual({ a: [1, -2, '1.5', null, true] });
  });

  test.each(['0.99999999999999999', '1.0', '1e3', '-0.5'])('makes no whole number of %s', (number) => {
    expect(parseUnbent(`{"a":[${number}]}`)).toEqual({ a: [Number.NaN] });
  });

  test('refuses the name of the prototype at any depth', () => {
    expect(() => parseUnbent('{"a":[{"__proto__":{}}]}')).toThrow(ForbiddenKeyError);
  });

  test('refuses what is nested too deeply to be walked through, and counts no brackets in texts', () => {
    const nested = (depth: number) => `${'{"a":['.repeat(depth / 2)}"]}\\"}"${']}'.repeat(depth / 2)}`;
    expect(() => parseUnbent(nested(66))).toThrow(TooDeepError);
    expect(() => parseUnbent(nested(400_000))).toThrow(TooDeepError);
    expect(JSON.stringify(parseUnbent(nested(64)))).toBe(nested(64));
    expect(parseUnbent(JSON.stringify('['.repeat(100)))).toBe('['.repeat(100));
  });

  test('refuses what is no JSON', () => {
    expect(() => parseUnbent("{'a':1}")).toThrow(SyntaxError);
  });
});
