import { expect, it } from 'vitest';
import { canonicalJson } from '../../domain/canonical-json.ts';

it('writes one text for one value, whatever the order of its members', () => {
  const text = '{"a":[{"x":null,"y":true},"é\\n"],"b":{"N":"10"},"c":7}';
  expect(canonicalJson({ c: 7, a: [{ y: true, x: null }, 'é\n'], b: { N: '10' } })).toBe(text);
  expect(canonicalJson(JSON.parse(text))).toBe(text);
});

it('orders names by their UTF-16 units, as RFC 8785 does', () => {
  expect(canonicalJson({ '\u{1F600}': 1, '\uFB33': 2, b: 3, B: 4 })).toBe('{"B":4,"b":3,"\u{1F600}":1,"\uFB33":2}');
});

it('refuses numbers whose digits writers do not agree on', () => {
  expect(() => canonicalJson({ share: 0.1 })).toThrow(TypeError);
  expect(() => canonicalJson(2 ** 53)).toThrow(TypeError);
});
