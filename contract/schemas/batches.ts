import * as z from 'zod';
import {
  BATCH_ELEMENTS_MAX,
  BULK_ELEMENTS_MAX,
  BULK_ID_CHARACTERS_MAX,
  BULK_RESULTS,
  BULK_RESULTS_MAX,
  GROUP_CHARACTERS_MAX,
  GROUP_ELEMENTS_MAX,
} from '../limits.ts';
import { fields, id, instantText, must, PLAIN_TEXT, PLAIN_TEXT_RULE } from './common.ts';
import { deferred } from './deferred.ts';
import { problem } from './problems.ts';
import { chargeRequest, transfer, transferRequest } from './transfers.ts';

const GROUP_RULE = `must be text of 1 to ${GROUP_CHARACTERS_MAX} characters`;

/** Elements that name one group are linked: all of them are posted or none. */
export const group = deferred(() =>
  z
    .string(must(GROUP_RULE))
    .min(1, GROUP_RULE)
    .max(GROUP_CHARACTERS_MAX, GROUP_RULE)
    .regex(PLAIN_TEXT, PLAIN_TEXT_RULE)
    .meta({
      description: `Links at most ${GROUP_ELEMENTS_MAX} elements that name it: all of them are posted or none.`,
    }),
);

/** What an element has besides the fields of a single request. */
const ofAnElement = deferred(() => ({
  id: id.meta({ description: 'The idempotency key of the element, as of a single request.' }),
  group: group().optional(),
}));

export const batchElement = deferred(() =>
  z.discriminatedUnion(
    'type',
    [
      chargeRequest()
        .safeExtend({ ...ofAnElement(), type: z.literal('charge') })
        .meta({ id: 'ChargeElement' }),
      transferRequest()
        .safeExtend({ ...ofAnElement(), type: z.literal('transfer') })
        .meta({ id: 'TransferElement' }),
    ],
    {
      error: ({ code, input }) => {
        if (code !== 'invalid_union') return 'must be a JSON object';
        return Object(input).type === undefined ? 'is missing' : 'must be "charge" or "transfer"';
      },
    },
  ),
);

function listOf<Element extends z.ZodType>(element: Element, most: number) {
  const rule = `must be a list of 1 to ${most} elements`;
  return z.array(element, must(rule)).min(1, rule).max(most, rule);
}

const bulkId = deferred(() =>
  id
    .max(BULK_ID_CHARACTERS_MAX, `must have at most ${BULK_ID_CHARACTERS_MAX} characters`)
    .meta({ description: 'Names the bulk, for ever; the elements have ids of their own.' }),
);

export const batchRequest = deferred(() =>
  fields({ elements: listOf(batchElement(), BATCH_ELEMENTS_MAX) }).meta({ id: 'BatchRequest' }),
);
export const bulkRequest = deferred(() =>
  fields({ id: bulkId(), elements: listOf(batchElement(), BULK_ELEMENTS_MAX) }).meta({
    id: 'BulkRequest',
  }),
);

/** The same without the elements, which are read one by one, so that one bad element does not refuse its neighbours. */
export const batchEnvelope = deferred(() => fields({ elements: listOf(z.unknown(), BATCH_ELEMENTS_MAX) }));
export const bulkEnvelope = deferred(() => fields({ id: bulkId(), elements: listOf(z.unknown(), BULK_ELEMENTS_MAX) }));

const result = deferred(() =>
  z.string().meta({
    description: '`created`, `replayed`, or the kind of problem that a single request would have been answered.',
    examples: ['created', 'insufficient-funds'],
  }),
);

const counts = deferred(() =>
  z
    .record(z.string(), z.number().int())
    .meta({ description: 'Elements by result.', examples: [{ created: 98, 'insufficient-funds': 2 }] }),
);

const ofAResult = deferred(() => ({
  index: z.number().int().meta({ description: 'Where the element stands in the request, from 0.' }),
  id: z.string().optional().meta({ description: 'The id of the element, where it has one that can be read.' }),
  status: z.number().int().meta({ description: 'The status that a single request would have been answered.' }),
  result: result(),
}));

export const batchAnswer = deferred(() =>
  z
    .strictObject({
      counts: counts(),
      results: z.array(
        z.strictObject({
          ...ofAResult(),
          transfer: transfer().optional().meta({ description: 'Of what was created or replayed.' }),
          problem: problem().optional().meta({ description: 'Of everything else.' }),
        }),
      ),
    })
    .meta({ id: 'BatchAnswer' }),
);

const bulkFields = deferred(() => ({
  id: z.string(),
  status: z.enum(['processing', 'done']),
  acceptedAt: instantText,
  elements: z.number().int(),
  done: z.number().int().meta({ description: 'Elements that have their result.' }),
  counts: counts(),
}));

export const bulk = deferred(() => z.strictObject(bulkFields()).meta({ id: 'Bulk' }));

export const bulkWithResults = deferred(() =>
  z
    .strictObject({
      ...bulkFields(),
      results: z.array(
        z.strictObject({
          ...ofAResult(),
          detail: z.string().optional().meta({ description: 'Why it was not posted.' }),
          errors: problem().shape.errors,
        }),
      ),
      next: z.string().optional().meta({ description: 'The cursor of the next page; absent on the last.' }),
    })
    .meta({ id: 'BulkWithResults' }),
);

const PAGE_RULE = `must be a whole number from 1 to ${BULK_RESULTS_MAX}`;
const CURSOR_RULE = 'must be the "next" of the page before';

export const bulkQuery = deferred(() =>
  fields({
    limit: z
      .string(must(PAGE_RULE))
      .refine((text) => /^[1-9][0-9]{0,3}$/.test(text) && Number(text) <= BULK_RESULTS_MAX, {
        error: PAGE_RULE,
        abort: true,
      })
      .transform(Number)
      .meta({ type: 'integer', minimum: 1, maximum: BULK_RESULTS_MAX })
      .optional()
      .meta({ description: `Results on a page; ${BULK_RESULTS} where it is left out.` }),
    cursor: z
      .string(must(CURSOR_RULE))
      .regex(/^[0-9]{1,4}$/, CURSOR_RULE)
      .optional()
      .meta({ description: 'The `next` of the page before.' }),
  }),
);
