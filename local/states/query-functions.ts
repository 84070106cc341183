import { createHash } from 'node:crypto';
import jsonata from 'jsonata';
import type { Clock } from './clock.ts';

const HASH_ALGORITHMS = new Map([
  ['MD5', 'md5'],
  ['SHA-1', 'sha1'],
  ['SHA-256', 'sha256'],
  ['SHA-384', 'sha384'],
  ['SHA-512', 'sha512'],
]);

/**
 * The functions that Step Functions adds to JSONata (developer guide, "Transforming data with JSONata"), and those of
 * JSONata's own that must follow the interpreter's clock and randomness.
 *
 * @param random gives numbers from 0 up to but not including 1
 */
export function queryFunctions(clock: Clock, random: () => number): Record<string, (...args: never[]) => unknown> {
  const millis = () => clock.now().getTime();
  return {
    partition,
    range,
    hash,
    parse,
    random: (seed?: number) => (seed === undefined ? random() : seededNumber(seed)),
    uuid: () => uuidFrom(random),
    millis,
    now: (picture?: string, timezone?: string) =>
      jsonata('$fromMillis($at, $picture, $timezone)').evaluate(undefined, { at: millis(), picture, timezone }),
  };
}

/** A version 4 UUID made of the given randomness. */
export function uuidFrom(random: () => number): string {
  return 'xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx'.replace(/[xy]/g, (place) => {
    const digit = Math.floor(random() * 16);
    return (place === 'x' ? digit : 8 + (digit % 4)).toString(16);
  });
}

function partition(items: unknown, size: number): unknown[][] {
  if (!Number.isInteger(size) || size < 1) throw new TypeError('$partition needs a whole chunk size of at least 1');
  // JSONata hands over an array of one as the one.
  const all = Array.isArray(items) ? items : [items];
  return Array.from({ length: Math.ceil(all.length / size) }, (_, chunk) =>
    all.slice(chunk * size, (chunk + 1) * size),
  );
}

function range(first: number, last: number, step: number): number[] {
  if (![first, last, step].every(Number.isFinite) || step === 0) {
    throw new TypeError('$range needs a first number, a last number and a step that is not 0');
  }
  return Array.from({ length: Math.max(0, Math.floor((last - first) / step) + 1) }, (_, index) => first + index * step);
}

function hash(data: unknown, algorithm: string): string {
  const name = HASH_ALGORITHMS.get(algorithm);
  if (name === undefined || data === undefined) {
    throw new TypeError(`$hash needs data and one of the algorithms ${[...HASH_ALGORITHMS.keys()].join(', ')}`);
  }
  return createHash(name)
    .update(typeof data === 'string' ? data : JSON.stringify(data))
    .digest('hex');
}

function parse(text: unknown): unknown {
  if (typeof text !== 'string') throw new TypeError('$parse needs a string of JSON');
  return JSON.parse(text);
}

/** One step of the mulberry32 generator: the same number for the same seed. */
function seededNumber(seed: number): number {
  let state = (Math.trunc(seed) + 0x6d2b79f5) | 0;
  state = Math.imul(state ^ (state >>> 15), state | 1);
  state ^= state + Math.imul(state ^ (state >>> 7), state | 61);
  return ((state ^ (state >>> 14)) >>> 0) / 4_294_967_296;
}
