import * as z from 'zod';
import { HASH_PATTERN } from '../../domain/approvals.ts';
import { APPROVALS_LISTED, APPROVALS_LISTED_MAX, CURSOR_CHARACTERS_MAX } from '../limits.ts';
import { description, fields, instantText, must } from './common.ts';

const hash = z
  .string(must('must be text'))
  .regex(HASH_PATTERN, 'must be 64 hexadecimal digits in lower case')
  .meta({ description: 'Of exactly what was shown: the `hash` of the approval that was read.' });

export const approveRequest = fields({ hash, reason: description.min(1, 'must not be empty').optional() }).meta({
  id: 'ApproveRequest',
});

export const rejectRequest = fields({
  reason: description.min(1, 'must say why, for whoever asked'),
  hash: hash.optional(),
}).meta({ id: 'RejectRequest' });

const LIMIT_RULE = `must be a whole number from 1 to ${APPROVALS_LISTED_MAX}`;
const states = ['requested', 'approved', 'rejected', 'used', 'expired'] as const;

export const approvalsQuery = fields({
  state: z
    .enum(states, must(`must be one of ${states.join(', ')}`))
    .optional()
    .meta({ description: 'Only these; a page may then have fewer than its limit, and none, with more behind it.' }),
  limit: z
    .string(must(LIMIT_RULE))
    .refine((text) => /^[1-9][0-9]{0,2}$/.test(text) && Number(text) <= APPROVALS_LISTED_MAX, {
      error: LIMIT_RULE,
      abort: true,
    })
    .transform(Number)
    .meta({ type: 'integer', minimum: 1, maximum: APPROVALS_LISTED_MAX })
    .optional()
    .meta({ description: `Approvals looked at for a page; ${APPROVALS_LISTED} where it is left out.` }),
  cursor: z
    .string(must('must be text'))
    .max(CURSOR_CHARACTERS_MAX, `must have at most ${CURSOR_CHARACTERS_MAX} characters`)
    .optional()
    .meta({ description: 'The `next` of the page before.' }),
});

export const approval = z
  .strictObject({
    id: z.string(),
    action: z.string().meta({ examples: ['repair.apply'] }),
    target: z.string().meta({ examples: ['repair:run-42'] }),
    hash: z.string(),
    summary: z.array(z.string()).meta({ description: 'What is to be done, line by line.' }),
    state: z.enum(states).meta({
      description: '`expired`: it can be neither given nor used any more. `used`: what it was given for was done.',
    }),
    requestedBy: z.string().meta({ description: 'The API key that asked.' }),
    requestedAt: instantText,
    expiresAt: instantText,
    decidedBy: z.string().optional(),
    decidedAt: instantText.optional(),
    reason: z.string().optional(),
    usedBy: z.string().optional(),
    usedAt: instantText.optional(),
  })
  .meta({ id: 'Approval' });

export const approvalList = z
  .strictObject({ approvals: z.array(approval), next: z.string().optional() })
  .meta({ id: 'ApprovalList', description: 'Newest first; without `next` it is the last page.' });
