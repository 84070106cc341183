import * as z from 'zod';
import { DOCUMENT_KINDS, INVOICE_STATUSES } from '../../domain/invoices/invoice.ts';
import { parseMonth } from '../../domain/time.ts';
import { INVOICES_LISTED_MAX } from '../limits.ts';
import { amountText, fields, instantText, must } from './common.ts';

export const month = z
  .string(must('must be text'))
  .refine((text) => parseMonth(text) !== undefined, 'must be a calendar month, such as "2026-10"')
  .meta({ examples: ['2026-10'] });

export const invoiceStatus = z.enum(INVOICE_STATUSES, must(`must be one of ${INVOICE_STATUSES.join(', ')}`));

export const invoicesQuery = fields({
  month,
  status: invoiceStatus
    .optional()
    .meta({ description: 'Invoices in this state alone; pages may then hold fewer than asked for.' }),
  limit: z.coerce
    .number(must('must be a number'))
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(INVOICES_LISTED_MAX, `must be at most ${INVOICES_LISTED_MAX}`)
    .optional(),
  cursor: z.string().optional().meta({ description: 'The `next` of the page before.' }),
});

export const invoiceLine = z
  .strictObject({
    unit: z.string().meta({ description: 'The account whose transfers it sums.' }),
    type: z.string().meta({ examples: ['usage', 'correction', 'credit', 'grant', 'expiry', 'debit', 'fee', 'tax'] }),
    description: z.string().meta({ description: 'Normalized: trimmed, lower case, single spaces.' }),
    quantity: z.string().meta({ description: 'How many transfers it is the sum of.' }),
    amount: amountText,
    due: z
      .boolean()
      .meta({ description: 'Whether the customer is asked to pay it; payments and credits are shown only.' }),
  })
  .meta({ id: 'InvoiceLine' });

const shared = {
  id: z.string().meta({ examples: ['2026-10:customer:acme'] }),
  kind: z.enum(DOCUMENT_KINDS),
  month: z.string(),
  account: z.string(),
  original: z.string().optional().meta({ description: 'The final invoice that this corrects.' }),
  status: z.enum(INVOICE_STATUSES),
  version: z.number().int(),
  digest: z.string().meta({ description: 'SHA-256 of what it says; the same ledger gives the same.' }),
  asset: z.string(),
  opening: amountText,
  closing: amountText,
  due: amountText,
  number: z
    .string()
    .optional()
    .meta({ examples: ['INV-2026-000001'] }),
  blocked: z.array(z.string()).meta({ description: 'Why it cannot be sent, in sentences; empty where it ties out.' }),
  madeBy: z.string().meta({ description: 'The billing run that made this version.' }),
  madeAt: instantText,
  review: z.string().optional(),
  finalizedAt: instantText.optional(),
};

export const invoiceSummary = z.strictObject(shared).meta({ id: 'InvoiceSummary' });

export const invoice = z
  .strictObject({
    ...shared,
    lines: z.array(invoiceLine),
    versions: z.array(
      z.strictObject({
        version: z.number().int(),
        digest: z.string(),
        due: amountText,
        madeBy: z.string(),
        madeAt: instantText,
      }),
    ),
    corrections: z.array(z.string()).meta({ description: 'Ids of its credit notes and debit adjustments.' }),
    artifacts: z.record(z.string(), z.string()).optional().meta({
      description: 'Links to its page by file name, good for 15 minutes; where it was exported as it stands.',
    }),
  })
  .meta({ id: 'Invoice' });

export const invoiceList = z
  .strictObject({ invoices: z.array(invoiceSummary), next: z.string().optional() })
  .meta({ id: 'InvoiceList' });

const version = z.coerce
  .number(must('must be a number'))
  .int('must be a whole number')
  .min(1, 'must be at least 1')
  .max(999_999, 'must be at most 999999');

export const diffQuery = fields({
  from: version.optional().meta({ description: 'A version; the one before the last where it is left out.' }),
  to: version.optional().meta({ description: 'A version; the last where it is left out.' }),
});

export const invoiceDiff = z
  .strictObject({
    id: z.string(),
    asset: z.string(),
    from: z.number().int().meta({ description: 'Version 0 has no lines.' }),
    to: z.number().int(),
    changes: z.array(
      z.strictObject({
        unit: z.string(),
        type: z.string(),
        description: z.string(),
        quantityBefore: z.string(),
        quantityAfter: z.string(),
        amountBefore: amountText,
        amountAfter: amountText,
      }),
    ),
  })
  .meta({ id: 'InvoiceDiff' });
