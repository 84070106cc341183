import { CLOCK_SKEW_MS_MAX } from '../../../contract/limits.ts';
import { usageEvent } from '../../../contract/schemas/usage.ts';
import type { UsageEvent } from '../../../domain/evidence.ts';
import { type Instant, parseInstant } from '../../../domain/time.ts';
import type { ImportMapping, MappedField } from '../../../store/imports.ts';
import { fieldErrors, printable } from '../../runtime/requests.ts';
import type { Row } from './rows.ts';
import { type RowError, shown } from './unreadable.ts';

export type ReadRow =
  | { readonly ok: true; readonly event: UsageEvent }
  | { readonly ok: false; readonly errors: readonly RowError[] };

/**
 * Makes a usage event of a row, by the schema that POST /v1/usage reads with. Two things are other than there: a time
 * without an offset is UTC, as log exports mean it, and fields that nobody asked for are passed over.
 * @param latest the latest time of use that is believed.
 */
export function readEvent(row: Row, mapping: ImportMapping, latest: Instant): ReadRow {
  if ('error' in row) return { ok: false, errors: [row.error] };
  const raw = rawEvent(row, mapping);
  const parsed = usageEvent.safeParse({ ...raw, occurredAt: inUtc(raw.occurredAt) });
  if (!parsed.success) {
    const errors = fieldErrors(parsed.error).map(({ field, rule }) => {
      const value = valueAt(raw, field);
      return { field, rule: value === undefined ? 'is missing' : ruleFor(field, rule, value), value: shown(value) };
    });
    return { ok: false, errors };
  }
  const { source, ...event } = parsed.data;
  if (event.occurredAt > latest) {
    const rule = `must not be more than ${CLOCK_SKEW_MS_MAX / 60_000} minutes in the future`;
    return { ok: false, errors: [{ field: 'occurredAt', rule, value: shown(raw.occurredAt) }] };
  }
  return { ok: true, event: { ...event, ...(source !== undefined && { source }) } };
}

/** Without a mapping, columns have the names of the fields. */
export const NO_MAPPING: ImportMapping = { columns: {}, constants: {} };

/** What speaks against the columns of a file: one that the mapping needs is not there. */
export function missingColumn(columns: readonly string[], mapping: ImportMapping): string | undefined {
  const needed = [
    ...REQUIRED.filter((field) => !isGiven(field, mapping)).map((field) => ({ column: field, by: field as string })),
    ...Object.entries(mapping.columns).map(([by, column]) => ({ column, by })),
    ...Object.entries(mapping.quantities ?? {}).map(([dimension, column]) => ({
      column,
      by: `quantities.${dimension}`,
    })),
  ];
  const missing = needed.find(({ column }) => column !== undefined && !columns.includes(column));
  if (missing === undefined) return undefined;
  const there = columns.map((column) => `"${printable(column).slice(0, COLUMN_CHARACTERS)}"`).slice(0, COLUMNS_NAMED);
  const more = columns.length > there.length ? `, and ${columns.length - there.length} more` : '';
  return `There is no column "${missing.column}", which "${missing.by}" is read from. The columns are ${there.join(', ')}${more}.`;
}

/** A header of garbage must not make an endless sentence. */
const COLUMNS_NAMED = 30;
const COLUMN_CHARACTERS = 64;

const REQUIRED = ['requestId', 'account', 'operation', 'occurredAt'] as const satisfies readonly MappedField[];

const TIME_RULE =
  'must be a time such as "2026-11-20T08:15:30.123Z", or "2026-11-20 08:15:30", which is taken as UTC; years 2000 to 2999';

/** Files may say times in more ways than the API takes. */
function ruleFor(field: string, rule: string, value: unknown): string {
  return field === 'occurredAt' && typeof value === 'string' ? TIME_RULE : rule;
}

/** Whether a field comes from elsewhere than the column of its own name. */
function isGiven(field: MappedField, { columns, constants, requestIdPrefix }: ImportMapping): boolean {
  if (columns[field] !== undefined) return true;
  if (field === 'requestId') return requestIdPrefix !== undefined;
  return field !== 'occurredAt' && constants[field] !== undefined;
}

interface RawEvent {
  readonly requestId: unknown;
  readonly account: unknown;
  readonly operation: unknown;
  readonly occurredAt: unknown;
  readonly source: unknown;
  readonly quantities: unknown;
}

function rawEvent({ line, values }: Extract<Row, { values: unknown }>, mapping: ImportMapping): RawEvent {
  const { columns, constants, requestIdPrefix } = mapping;
  const read = (field: MappedField): unknown => present(lookUp(values, columns[field] ?? field));
  const readOr = (field: 'account' | 'operation' | 'source'): unknown =>
    columns[field] === undefined ? (constants[field] ?? read(field)) : read(field);
  const usesPrefix = requestIdPrefix !== undefined && columns.requestId === undefined;
  return {
    requestId: usesPrefix ? `${requestIdPrefix}-${line}` : read('requestId'),
    account: readOr('account'),
    operation: readOr('operation'),
    occurredAt: read('occurredAt'),
    source: readOr('source'),
    quantities: quantitiesOf(values, mapping.quantities),
  };
}

const QUANTITY_PREFIX = 'quantities.';

/** An empty cell is a dimension that the row does not speak of. */
function quantitiesOf(values: Readonly<Record<string, unknown>>, mapped: ImportMapping['quantities']): unknown {
  if (mapped === undefined && present(values.quantities) !== undefined) return values.quantities;
  const pairs =
    mapped === undefined
      ? Object.entries(values)
          .filter(([column]) => column.startsWith(QUANTITY_PREFIX))
          .map(([column, value]) => [column.slice(QUANTITY_PREFIX.length), value] as const)
      : Object.entries(mapped).map(([dimension, column]) => [dimension, lookUp(values, column)] as const);
  return Object.fromEntries(pairs.filter(([, value]) => present(value) !== undefined));
}

/** A column by its name or, in nested JSON, by its path: `usage.input_tokens`. */
function lookUp(values: Readonly<Record<string, unknown>>, column: string): unknown {
  if (Object.hasOwn(values, column)) return values[column];
  let value: unknown = values;
  for (const part of column.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[part];
  }
  return value;
}

/** Empty text and null say nothing. */
function present(value: unknown): unknown {
  return value === '' || value === null ? undefined : value;
}

function inUtc(value: unknown): unknown {
  return typeof value === 'string' ? (parseInstant(value, 'utc') ?? value) : value;
}

function valueAt(raw: RawEvent, field: string): unknown {
  const { quantities } = raw;
  if (Object.hasOwn(raw, field)) return raw[field as keyof RawEvent];
  if (!field.startsWith(QUANTITY_PREFIX) || typeof quantities !== 'object' || quantities === null) return undefined;
  const dimension = field.slice(QUANTITY_PREFIX.length);
  return Object.hasOwn(quantities, dimension)
    ? (quantities as Readonly<Record<string, unknown>>)[dimension]
    : undefined;
}
