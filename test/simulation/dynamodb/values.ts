import { isDeepStrictEqual } from 'node:util';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** Attribute values, compared and reckoned with as DynamoDB does. Numbers are whole: the ledger writes no others. */

export type Item = Readonly<Record<string, AttributeValue>>;

type TypeName = 'S' | 'N' | 'B' | 'BOOL' | 'NULL' | 'M' | 'L' | 'SS' | 'NS' | 'BS';

export function typeOf(value: AttributeValue): TypeName {
  for (const name in value) if (value[name as TypeName] !== undefined) return name as TypeName;
  throw new TypeError('An attribute value has no type.');
}

/** DynamoDB refused the request as it is. */
export class InvalidRequestError extends Error {
  override name = 'InvalidRequestError';
}

const DIGITS_MAX = 38;

export function numberOf(value: AttributeValue): bigint {
  if (value.N === undefined || !/^-?[0-9]+$/.test(value.N)) {
    throw new InvalidRequestError(`Only whole numbers are modelled: ${JSON.stringify(value)}`);
  }
  return BigInt(value.N);
}

export function numberValue(number: bigint): AttributeValue {
  const text = number.toString();
  if (text.replace('-', '').length > DIGITS_MAX) throw new InvalidRequestError('Number overflow.');
  return { N: text };
}

export function equals(a: AttributeValue, b: AttributeValue): boolean {
  if (a.S !== undefined) return a.S === b.S;
  if (a.N !== undefined) return b.N !== undefined && (a.N === b.N || numberOf(a) === numberOf(b));
  if (a.BOOL !== undefined) return a.BOOL === b.BOOL;
  if (a.SS !== undefined) return b.SS !== undefined && isDeepStrictEqual([...a.SS].sort(), [...b.SS].sort());
  return isDeepStrictEqual(a, b);
}

/** Undefined where the two are of different types, or of one that has no order. Texts are ASCII. */
export function compare(a: AttributeValue, b: AttributeValue): number | undefined {
  if (a.S !== undefined && b.S !== undefined) return a.S < b.S ? -1 : a.S > b.S ? 1 : 0;
  if (a.N === undefined || b.N === undefined) return undefined;
  const difference = numberOf(a) - numberOf(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

export function sizeOf(value: AttributeValue): bigint | undefined {
  if (value.S !== undefined) return BigInt(Buffer.byteLength(value.S));
  if (value.L !== undefined) return BigInt(value.L.length);
  if (value.SS !== undefined) return BigInt(value.SS.length);
  return value.M === undefined ? undefined : BigInt(Object.keys(value.M).length);
}
