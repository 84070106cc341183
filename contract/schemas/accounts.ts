import * as z from 'zod';
import { METADATA_BYTES_MAX, METADATA_ENTRIES_MAX } from '../limits.ts';
import {
  accountId,
  amountText,
  asset,
  day,
  dayText,
  description,
  fields,
  instantText,
  must,
  name,
  PLAIN_TEXT,
  PLAIN_TEXT_RULE,
  wholeNumber,
} from './common.ts';
import { deferred } from './deferred.ts';

const METADATA_RULE = 'must be an object of short texts by name, such as {"plan": "pro"}';

const metadata = deferred(() =>
  z
    .record(
      name,
      z.string(must('must be text')).min(1, 'must not be empty').regex(PLAIN_TEXT, PLAIN_TEXT_RULE),
      must(METADATA_RULE),
    )
    .refine(
      (value) => Object.keys(value).length <= METADATA_ENTRIES_MAX,
      `must have at most ${METADATA_ENTRIES_MAX} texts`,
    )
    .refine(
      (value) => bytesOf(value) <= METADATA_BYTES_MAX,
      `must have at most ${METADATA_BYTES_MAX} bytes of UTF-8, names and texts together`,
    )
    .meta({
      description: 'Up to 10 short texts by name, set once and shown with the account.',
      examples: [{ plan: 'pro' }],
    }),
);

function bytesOf(texts: Readonly<Record<string, string>>): number {
  return new TextEncoder().encode(Object.entries(texts).flat().join('')).length;
}

export const accountOpening = deferred(() =>
  fields({
    id: accountId,
    asset: asset
      .optional()
      .meta({ description: 'Must be the asset that the chart of accounts gives this id; may be left out.' }),
    openedOn: day
      .optional()
      .meta({ description: 'First day that transfers may count on; today where it is left out.' }),
    creditLimit: wholeNumber
      .optional()
      .meta({ description: 'How far below zero a strict balance may go; 0 where it is left out.' }),
    metadata: metadata().optional(),
  }).meta({ id: 'AccountOpening' }),
);

export const statusChange = deferred(() =>
  fields({
    reason: description.min(1, 'must say why, for whoever reads it next').meta({
      description: 'Shown with the account, to whoever may read it.',
    }),
  }).meta({ id: 'AccountStatusChange' }),
);

export const creditLimitChange = deferred(() =>
  fields({
    creditLimit: wholeNumber.meta({ description: 'How far below zero the balance may go from now on.' }),
  }).meta({ id: 'CreditLimitChange' }),
);

export const account = deferred(() =>
  z
    .strictObject({
      id: z.string(),
      asset: z.string(),
      balance: z.enum(['strict', 'derived']),
      status: z.enum(['open', 'frozen', 'closed']),
      openedOn: dayText,
      createdAt: instantText,
      creditLimit: amountText,
      credits: amountText.optional(),
      debits: amountText.optional(),
      held: amountText.optional().meta({ description: 'What open holds reserve.' }),
      available: amountText.optional().meta({
        description: 'credits - debits - held + creditLimit, less what has expired of grants; strict balances only.',
      }),
      metadata: z.record(z.string(), z.string()).optional(),
      statusReason: z.string().optional().meta({ description: 'Why its status was last changed.' }),
      statusChangedAt: instantText.optional(),
      statusChangedBy: z.string().optional().meta({ description: 'The id of the API key that changed it.' }),
    })
    .meta({ id: 'Account' }),
);

const treeFigures = deferred(() => ({
  posted: amountText.meta({ description: 'credits - debits; of a derived balance summed from its transfers.' }),
  held: amountText.optional().meta({ description: 'What open holds reserve; strict balances only.' }),
  available: amountText.optional().meta({ description: 'What may be spent; strict balances only.' }),
}));

export const accountTree = deferred(() =>
  z
    .strictObject({
      account: z.string().meta({ description: 'The path that was asked for.' }),
      accounts: z
        .array(
          z.strictObject({
            id: z.string(),
            asset: z.string(),
            balance: z.enum(['strict', 'derived']),
            status: z.enum(['open', 'frozen', 'closed']),
            ...treeFigures(),
          }),
        )
        .meta({
          description:
            'The account of the path, where it is open, and all below it, in order of id. An account that was opened in the last moments may be missing.',
        }),
      totals: z.array(z.strictObject({ asset: z.string(), accounts: z.number().int(), ...treeFigures() })).meta({
        description:
          'All of them together, by asset. Each account is read at a moment of its own, so what moves between two of them meanwhile may count twice or not at all.',
      }),
    })
    .meta({ id: 'AccountTree' }),
);
