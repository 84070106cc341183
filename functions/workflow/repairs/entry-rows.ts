import * as z from 'zod';
import { CLOCK_SKEW_MS_MAX } from '../../../contract/limits.ts';
import * as common from '../../../contract/schemas/common.ts';
import type { Entry } from '../../../domain/repairs/import.ts';
import { type Instant, parseInstant } from '../../../domain/time.ts';
import type { Row } from '../../events/import/rows.ts';
import { type RowError, shown } from '../../events/import/unreadable.ts';
import { meaningOf } from '../../runtime/csv.ts';
import { fieldErrors, printable } from '../../runtime/requests.ts';

/** Columns that every file has. */
const REQUIRED = ['account', 'request_id', 'operation', 'occurred_at'] as const;

/** Columns that a file may have; those behind `description` are of missing_lines.csv, which can be imported as it is. */
const OPTIONAL = ['amount', 'quantities', 'description', 'finding_id', 'asset', 'expected_amount', 'cause'] as const;

/** A quantity in a column of its own: `quantities.input_tokens`. */
const QUANTITY_PREFIX = 'quantities.';

/** What speaks against the columns of a file; then all of it is refused. */
export function objectionTo(columns: readonly string[]): string | undefined {
  const known = new Set<string>([...REQUIRED, ...OPTIONAL]);
  const unknown = columns.find((column) => !known.has(column) && !column.startsWith(QUANTITY_PREFIX));
  if (unknown !== undefined) {
    const names = [...REQUIRED, ...OPTIONAL].join(', ');
    return `The column "${printable(unknown)}" is not known; columns are ${names} and quantities.<dimension>. Rename it, or leave it out.`;
  }
  const missing = REQUIRED.find((column) => !columns.includes(column));
  if (missing !== undefined) return `There is no column "${missing}"; every entry needs it.`;
  const quantified = columns.some((column) => column.startsWith(QUANTITY_PREFIX));
  if (quantified && columns.includes('quantities')) {
    return 'Quantities are in "quantities" and in columns of their own; say them in one way.';
  }
  if (columns.includes('amount') && columns.includes('expected_amount')) {
    return 'Amounts are in "amount" and in "expected_amount"; say them in one column.';
  }
  const isPriceable = quantified || ['quantities', 'amount', 'expected_amount'].some((name) => columns.includes(name));
  return isPriceable
    ? undefined
    : 'There is no column of quantities and none of amounts; every entry needs one or the other.';
}

export type ReadEntry =
  | { readonly ok: true; readonly entry: Entry; readonly asset: string | undefined }
  | { readonly ok: false; readonly errors: readonly RowError[] };

const PAIRS_RULE = 'must be pairs such as "input_tokens=10;output_tokens=5"';

const row = z.object({
  account: common.accountId,
  request_id: common.id,
  operation: common.name,
  occurred_at: common.instant,
  quantities: common.quantities.optional(),
  amount: common.wholeNumber.optional(),
  description: common.description.optional(),
});

/**
 * Makes an entry of a row. Cells are read by the rules of the API; a time without an offset is UTC.
 * @param latest the latest time that is believed.
 */
export function readEntry(read: Row, latest: Instant): ReadEntry {
  if ('error' in read) return { ok: false, errors: [read.error] };
  const cells = Object.fromEntries(
    Object.entries(read.values).map(([column, cell]) => [column, meaningOf(String(cell ?? ''))]),
  );
  const quantities = quantitiesOf(cells);
  if (quantities === 'unreadable') {
    return { ok: false, errors: [{ field: 'quantities', rule: PAIRS_RULE, value: shown(cells.quantities) }] };
  }
  const parsed = row.safeParse({
    account: present(cells.account),
    request_id: present(cells.request_id),
    operation: present(cells.operation),
    occurred_at: inUtc(present(cells.occurred_at)),
    quantities,
    amount: present(cells.amount) ?? present(cells.expected_amount),
    description: present(cells.description),
  });
  if (!parsed.success) {
    const errors = fieldErrors(parsed.error).map(({ field, rule }) => ({ field, rule, value: shown(cells[field]) }));
    return { ok: false, errors };
  }
  const { request_id: requestId, occurred_at: occurredAt, ...fields } = parsed.data;
  if (occurredAt > latest) {
    const rule = `must not be more than ${CLOCK_SKEW_MS_MAX / 60_000} minutes in the future`;
    return { ok: false, errors: [{ field: 'occurred_at', rule, value: shown(cells.occurred_at) }] };
  }
  const { account, operation, amount, description } = fields;
  const findingId = present(cells.finding_id);
  const entry: Entry = {
    line: read.line,
    account,
    requestId,
    operation,
    occurredAt,
    ...(fields.quantities !== undefined && { quantities: fields.quantities }),
    ...(amount !== undefined && { amount }),
    ...(description !== undefined && { description }),
    ...(findingId !== undefined && { findingId }),
  };
  return { ok: true, entry, asset: present(cells.asset) };
}

/** In a column of their own, all of them; an empty one is a row without any. In columns by dimension, those not empty. */
function quantitiesOf(cells: Readonly<Record<string, string>>): Record<string, string> | 'unreadable' | undefined {
  if (cells.quantities !== undefined) {
    const pairs = cells.quantities === '' ? [] : cells.quantities.split(';').map((pair) => pair.split('='));
    const isWhole = pairs.every(([name, value, ...more]) => name && value && more.length === 0);
    return isWhole ? Object.fromEntries(pairs) : 'unreadable';
  }
  const named = Object.entries(cells).filter(([column, cell]) => column.startsWith(QUANTITY_PREFIX) && cell !== '');
  if (named.length === 0) return undefined;
  return Object.fromEntries(named.map(([column, cell]) => [column.slice(QUANTITY_PREFIX.length), cell]));
}

export function present(cell: string | undefined): string | undefined {
  return cell === '' ? undefined : cell;
}

function inUtc(text: string | undefined): string | undefined {
  return text === undefined ? undefined : (parseInstant(text, 'utc') ?? text);
}
