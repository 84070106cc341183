import * as z from 'zod';
import { USAGE_BATCH_MAX } from '../limits.ts';
import { accountId, fields, id, instant, must, name, PLAIN_TEXT, PLAIN_TEXT_RULE, quantities } from './common.ts';

const source = z
  .string(must('must be text'))
  .min(1, 'must not be empty')
  .max(128, 'must have at most 128 characters')
  .regex(PLAIN_TEXT, PLAIN_TEXT_RULE);

export const usageEvent = fields({
  requestId: id,
  account: accountId,
  operation: name,
  quantities,
  occurredAt: instant,
  source: source.optional().meta({ description: 'Who witnessed it: a gateway, a log export.' }),
}).meta({ id: 'UsageEvent' });

/**
 * CloudEvents 1.0, structured JSON. `id` is the request id, `type` the operation, `subject` the account, `time` the
 * time of use, and `data` the quantities by dimension. Extension attributes are allowed by CloudEvents and passed over.
 */
export const cloudEvent = z
  .looseObject({
    specversion: z.literal('1.0', must('must be "1.0"')),
    id,
    source,
    type: name,
    subject: accountId,
    time: instant,
    data: quantities,
    datacontenttype: z
      .string()
      .regex(/^application\/json\s*(;|$)/i, 'must be "application/json"')
      .optional(),
  })
  .meta({ id: 'CloudEvent' });

const BATCH_RULE = `must be a list of 1 to ${USAGE_BATCH_MAX} events`;

/** The elements of a batch are read one by one, so that one bad event does not refuse its neighbours. */
export const usageBatch = fields({
  events: z.array(z.unknown(), must(BATCH_RULE)).min(1, BATCH_RULE).max(USAGE_BATCH_MAX, BATCH_RULE),
}).meta({ id: 'UsageBatch' });

export const usageAnswer = z
  .strictObject({ requestId: z.string(), status: z.enum(['recorded', 'duplicate']) })
  .meta({ id: 'UsageAnswer' });

export const usageBatchAnswer = z
  .strictObject({
    recorded: z.number().int(),
    duplicates: z.number().int(),
    refused: z.number().int(),
    unavailable: z
      .number()
      .int()
      .meta({ description: 'Not written because the table could not be reached; send these again.' }),
    results: z.array(
      z.strictObject({
        index: z.number().int(),
        requestId: z.string().optional(),
        status: z.enum(['recorded', 'duplicate', 'refused', 'unavailable']),
        errors: z.array(z.strictObject({ field: z.string(), rule: z.string() })).optional(),
      }),
    ),
  })
  .meta({ id: 'UsageBatchAnswer' });
