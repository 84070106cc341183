import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/**
 * What an item may hold. Numbers are `bigint` by type: a JavaScript number would be written as the nearest double and
 * nobody would notice, so there is no way to write one here.
 */
export type Value = string | bigint | boolean | ValueMap | readonly Value[];
export interface ValueMap {
  readonly [name: string]: Value | undefined;
}

export type Item = Record<string, AttributeValue>;

/** Builds an item; undefined fields are left out. */
export function toItem(fields: ValueMap): Item {
  const item: Item = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) item[name] = toAttribute(value);
  }
  return item;
}

export function toAttribute(value: Value): AttributeValue {
  if (typeof value === 'string') return { S: value };
  if (typeof value === 'bigint') return { N: value.toString() };
  if (typeof value === 'boolean') return { BOOL: value };
  if (isList(value)) return { L: value.map(toAttribute) };
  return { M: toItem(value) };
}

/** An item that does not have the shape this code writes: somebody else wrote it, or the table is the wrong one. */
export class MalformedItemError extends Error {
  override name = 'MalformedItemError';
}

export function text(item: Item, name: string): string {
  const value = item[name]?.S;
  if (value === undefined) throw new MalformedItemError(`The item has no text in "${name}": ${keyOf(item)}.`);
  return value;
}

export function optionalText(item: Item, name: string): string | undefined {
  return item[name]?.S;
}

/** @throws MalformedItemError when the number is missing or not whole, which no code of this project writes. */
export function integer(item: Item, name: string): bigint {
  const value = item[name]?.N;
  if (value === undefined || !/^-?[0-9]+$/.test(value)) {
    throw new MalformedItemError(`The item has no whole number in "${name}": ${keyOf(item)}.`);
  }
  return BigInt(value);
}

export function integers(item: Item, name: string): Record<string, bigint> {
  const map = item[name]?.M;
  if (map === undefined) throw new MalformedItemError(`The item has no map in "${name}": ${keyOf(item)}.`);
  return Object.fromEntries(Object.keys(map).map((key) => [key, integer(map, key)]));
}

export function texts(item: Item, name: string): string[] {
  const list = item[name]?.L;
  if (list === undefined) throw new MalformedItemError(`The item has no list in "${name}": ${keyOf(item)}.`);
  return list.map(({ S: each }) => {
    if (each === undefined) throw new MalformedItemError(`The list in "${name}" is not of texts: ${keyOf(item)}.`);
    return each;
  });
}

function keyOf(item: Item): string {
  return [item.pk?.S, item.sk?.S].filter((part) => part !== undefined).join(' / ') || 'no key';
}

function isList(value: ValueMap | readonly Value[]): value is readonly Value[] {
  return Array.isArray(value);
}
