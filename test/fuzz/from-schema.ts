import fc from 'fast-check';
import type { Json } from '../../contract/openapi.ts';

/** Values that a field of this name is likely to take, so that requests mean something to the books that they meet. */
export type Likely = Readonly<Record<string, fc.Arbitrary<unknown>>>;

/** What a schema asks for that is not known here. */
export class UnknownSchemaError extends Error {
  override name = 'UnknownSchemaError';
}

/**
 * Generators of what the schemas of an OpenAPI document describe. Rules that the document cannot say (an end before its
 * beginning) are broken by some of the values, as they are by callers who know nothing else.
 */
export function createGenerators(
  document: Json,
  likely: Likely,
): (schema: Json, field?: string) => fc.Arbitrary<unknown> {
  const components = (document.components as Json).schemas as Record<string, Json>;
  const known = new Map<string, fc.Arbitrary<unknown>>();

  const named = (reference: string): fc.Arbitrary<unknown> => {
    const name = reference.slice(reference.lastIndexOf('/') + 1);
    const found = known.get(name) ?? of(components[name] ?? {});
    known.set(name, found);
    return found;
  };

  const of = (schema: Json, field?: string): fc.Arbitrary<unknown> => {
    const usual = field === undefined ? undefined : likely[field];
    const strict = described(schema, field);
    const isPlain = schema.type !== 'object' && schema.type !== 'array';
    if (usual === undefined || !isPlain || !fits(schema, usual)) return strict;
    return fc.oneof({ arbitrary: usual, weight: 30 }, { arbitrary: strict, weight: 1 });
  };

  const described = (schema: Json, field = ''): fc.Arbitrary<unknown> => {
    if (typeof schema.$ref === 'string') return named(schema.$ref);
    if ('const' in schema) return fc.constant(schema.const);
    if (Array.isArray(schema.enum)) return fc.constantFrom(...(schema.enum as unknown[]));
    const choices = (schema.anyOf ?? (schema.properties === undefined ? schema.oneOf : undefined)) as
      | Json[]
      | undefined;
    if (choices !== undefined) return fc.oneof(...choices.map((choice) => of(choice)));
    switch (schema.type) {
      case 'object':
        return objectOf(schema);
      case 'array':
        return listOf(schema, field);
      case 'string':
        return textOf(schema);
      case 'integer':
      case 'number':
        return fc.integer(boundsOf(schema));
      case 'boolean':
        return fc.boolean();
      case 'null':
        return fc.constant(null);
      case undefined:
        return fc.jsonValue({ maxDepth: 2 });
      default:
        throw new UnknownSchemaError(`There is no generator for ${JSON.stringify(schema)}.`);
    }
  };

  const objectOf = (schema: Json): fc.Arbitrary<unknown> => {
    const properties = Object.entries((schema.properties ?? {}) as Record<string, Json>);
    const shape = Object.fromEntries(properties.map(([name, property]) => [name, of(property, name)]));
    const requiredKeys = (schema.required ?? []) as string[];
    // Most of what need not be there is left out: one field too many is enough for a refusal.
    const some = (name: string, value: fc.Arbitrary<unknown>) =>
      requiredKeys.includes(name) ? value : sometimes(value);
    const base = fc
      .record(Object.fromEntries(Object.entries(shape).map(([name, value]) => [name, some(name, value)])))
      .map((value) => Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)));
    const { additionalProperties, propertyNames } = schema;
    if (typeof additionalProperties !== 'object' || additionalProperties === null) return base;
    const key = propertyNames === undefined ? fc.string() : of(propertyNames as Json, '*').map(String);
    const rest = fc.dictionary(key, of(additionalProperties as Json, '*value'), { maxKeys: 3 });
    return fc.tuple(base, rest).map(([fixed, more]) => ({ ...more, ...fixed }));
  };

  const listOf = ({ items, minItems = 0, maxItems = 5 }: Json, field: string): fc.Arbitrary<unknown> => {
    const minLength = Number(minItems);
    const maxLength = Math.max(minLength, Math.min(Number(maxItems), minLength + 4));
    return fc.array(of((items ?? {}) as Json, `${field}[]`), { minLength, maxLength });
  };

  return of;
}

/** Mostly nothing. */
export function sometimes<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ arbitrary: fc.constant(undefined), weight: 3 }, { arbitrary: value, weight: 2 });
}

/** Fields of one name have other rules in other places: an id may be any text or 16 digits. */
function fits(schema: Json, usual: fc.Arbitrary<unknown>): boolean {
  const patterns = patternsOf(schema).map((pattern) => new RegExp(pattern, 'u'));
  return fc.sample(usual, { seed: 1, numRuns: 5 }).some((value) => patterns.every((one) => one.test(String(value))));
}

function patternsOf(schema: Json): string[] {
  const patterns = [schema.pattern, ...((schema.allOf ?? []) as Json[]).map(({ pattern }) => pattern)];
  return patterns.filter((pattern): pattern is string => typeof pattern === 'string');
}

/** One for all: it takes long to make. */
const ANY_TEXT = fc.string({ unit: 'grapheme', maxLength: 40 });

function textOf(schema: Json): fc.Arbitrary<string> {
  if (schema.format === 'date-time') {
    return fc
      .date({ min: new Date('2020-01-01'), max: new Date('2030-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString());
  }
  if (schema.format === 'date') {
    return fc
      .date({ min: new Date('2020-01-01'), max: new Date('2030-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString().slice(0, 10));
  }
  const written = patternsOf(schema);
  const minLength = Number(schema.minLength ?? 0);
  const maxLength = Number(schema.maxLength ?? 128);
  if (written.length === 0) return fc.string({ minLength, maxLength });
  // Generators know no looking ahead; it limits the length, which is checked behind them. Of several rules the last one
  // is the narrowest.
  const last = written.at(-1)?.replace(/\(\?=.*?\$\)/, '') ?? '';
  const rules = written.map((pattern) => new RegExp(pattern, 'u'));
  // Neither do they know classes of Unicode, of which all rules here are about text of any kind.
  const generated = last.includes('\\p{')
    ? ANY_TEXT.map((text) => text.slice(0, maxLength))
    : fc.stringMatching(new RegExp(last, 'u'), { maxLength });
  return generated.filter((text) => text.length >= minLength && rules.every((rule) => rule.test(text)));
}

function boundsOf({ minimum, maximum }: Json): { min: number; max: number } {
  const limit = 2 ** 31 - 1;
  return { min: Math.max(Number(minimum ?? -limit), -limit), max: Math.min(Number(maximum ?? limit), limit) };
}
