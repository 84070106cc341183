import * as z from 'zod';
import { DESCRIPTION_CHARACTERS_MAX } from '../../../contract/limits.ts';
import * as common from '../../../contract/schemas/common.ts';
import { parseInvoiceId } from '../../../domain/invoices/invoice.ts';
import { LINE_TYPE_PATTERN, normalizeDescription, POLICY_LINE_TYPES } from '../../../domain/invoices/lines.ts';
import { type Asset, parseDecimal, scaleOf } from '../../../domain/money.ts';
import type { Row } from '../../events/import/rows.ts';
import { type RowError, shown } from '../../events/import/unreadable.ts';
import { meaningOf } from '../../runtime/csv.ts';
import { fieldErrors } from '../../runtime/requests.ts';
import { present } from '../repairs/entry-rows.ts';

/** A row of a file of lines, as far as it can be read without knowing its invoice: the amount waits for the asset. */
export interface LineRow {
  /** Of the file; 1 is its first. */
  readonly row: number;
  readonly invoice: string;
  readonly unit: string;
  readonly type: string;
  /** Normalized. */
  readonly description: string;
  readonly quantity: bigint;
  /** As it stands there. */
  readonly amount: string;
  readonly asset?: Asset;
}

const REQUIRED = ['invoice_id', 'unit_id', 'line_type', 'description', 'quantity', 'amount'] as const;

/** What speaks against the columns of a file; then all of it is refused. */
export function objectionToLines(columns: readonly string[]): string | undefined {
  const known: readonly string[] = [...REQUIRED, 'asset'];
  const unknown = columns.find((column) => !known.includes(column));
  if (unknown !== undefined) {
    return `The column "${shown(unknown)}" is not known; columns are ${known.join(', ')}. Rename it, or leave it out.`;
  }
  const missing = REQUIRED.find((column) => !columns.includes(column));
  return missing === undefined ? undefined : `There is no column "${missing}"; every line needs it.`;
}

const POLICY_TYPES: readonly string[] = POLICY_LINE_TYPES;

const text = (rule: string) => z.string(common.must(rule));

const lineType = text('must be text').regex(
  LINE_TYPE_PATTERN,
  'must be a name of lower-case letters, digits and hyphens, such as "usage": correct it',
);

/** A line of whatever type, as it is compared with. */
const anyRow = z.object({
  invoice_id: text('must be text').refine(
    (id) => id.length <= 160 && parseInvoiceId(id) !== undefined,
    'must be the id of an invoice, such as "2026-10:customer:acme": correct it',
  ),
  unit_id: common.accountId,
  line_type: lineType,
  description: text('must be text')
    .max(DESCRIPTION_CHARACTERS_MAX, `must have at most ${DESCRIPTION_CHARACTERS_MAX} characters: shorten it`)
    .regex(common.PLAIN_TEXT, `${common.PLAIN_TEXT_RULE}: take them out`),
  quantity: common.wholeNumber,
  amount: text('must be text'),
  asset: common.asset.optional(),
});

/** A line that is put onto an invoice. */
const ownRow = anyRow.extend({
  line_type: lineType.refine(
    (type) => !POLICY_TYPES.includes(type),
    `must not be ${POLICY_TYPES.join(' or ')}, which configuration adds anew each time: name it otherwise, such as "setup-fee"`,
  ),
});

export type ReadLineRow =
  | { readonly ok: true; readonly row: LineRow }
  | { readonly ok: false; readonly line: number; readonly errors: readonly RowError[] };

/**
 * Makes a line of a row, by the rules that need nothing but the row.
 * @param purpose what is put onto invoices has no types of configuration; what invoices are compared with may.
 */
export function readLineRow(read: Row, purpose: 'import' | 'compare'): ReadLineRow {
  if ('error' in read) return { ok: false, line: read.line, errors: [read.error] };
  const cells = Object.fromEntries(
    Object.entries(read.values).map(([column, cell]) => [column, meaningOf(String(cell ?? ''))]),
  );
  const parsed = (purpose === 'import' ? ownRow : anyRow).safeParse({
    ...Object.fromEntries(Object.entries(cells).map(([column, cell]) => [column, present(cell)])),
    description: present(normalizeDescription(cells.description ?? '')),
  });
  if (!parsed.success) {
    const errors = fieldErrors(parsed.error).map(({ field, rule }) => ({ field, rule, value: shown(cells[field]) }));
    return { ok: false, line: read.line, errors };
  }
  const { invoice_id: invoice, unit_id: unit, line_type: type, description, quantity, amount, asset } = parsed.data;
  return {
    ok: true,
    row: {
      ...{ row: read.line, invoice, unit, type, description, quantity, amount },
      ...(asset !== undefined && { asset }),
    },
  };
}

/** The minor units that a cell says, or the rule that it breaks. */
export function amountOf(cell: string, asset: Asset): bigint | { readonly rule: string } {
  const read = parseDecimal(cell, asset);
  if (typeof read === 'bigint') return read;
  switch (read) {
    case 'not-decimal':
      return {
        rule: 'must be a plain decimal such as "12.34" or "-5", in the unit of the asset: write it without exponent, plus sign, currency and separators of thousands',
      };
    case 'too-fine': {
      const digits = scaleOf(asset);
      const most = digits === 0 ? 'no digits' : `at most ${digits} digits`;
      return { rule: `must have ${most} behind the point, which is all that ${asset} has: round it by your own rule` };
    }
    case 'too-large':
      return { rule: 'must have at most 24 digits in minor units: check the amount' };
  }
}
