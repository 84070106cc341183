import { describe, expect, test } from 'vitest';
import { ForbiddenKeyError, parseUnbent } from '../../../functions/runtime/json.ts';

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

  test('refuses what is no JSON', () => {
    expect(() => parseUnbent("{'a':1}")).toThrow(SyntaxError);
  });
});
