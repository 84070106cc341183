import * as z from 'zod';
import { accountId, fields, id, instantText, must, name } from './common.ts';

const column = z
  .string(must('must be the name of a column'))
  .min(1, 'must not be empty')
  .max(128, 'must have at most 128 characters');

/** Where the fields of a usage event stand in a file. Without a mapping, columns have the names of the fields. */
export const importMapping = fields({
  columns: z
    .strictObject({
      requestId: column.optional(),
      account: column.optional(),
      operation: column.optional(),
      occurredAt: column.optional(),
      source: column.optional(),
    })
    .default({}),
  quantities: z
    .record(name, column)
    .optional()
    .meta({ description: 'Column by dimension. Without it, columns named "quantities.<dimension>" are read.' }),
  constants: z
    .strictObject({ account: accountId.optional(), operation: name.optional(), source: column.optional() })
    .default({})
    .meta({ description: 'Values for fields that have no column.' }),
  requestIdPrefix: id
    .max(64, 'must have at most 64 characters')
    .optional()
    .meta({ description: 'For files without request ids: "<prefix>-<line>" becomes the id, the same every time.' }),
}).meta({ id: 'ImportMapping' });

export const importRequest = fields({
  id: id
    .max(64, 'must have at most 64 characters')
    .regex(/^[A-Za-z0-9_-]+$/, 'must be letters, digits, "-" and "_": it names a file')
    .optional(),
  format: z.enum(['csv', 'ndjson'], must('must be "csv" or "ndjson"')),
  compression: z.enum(['none', 'gzip'], must('must be "none" or "gzip"')).default('none'),
  mapping: importMapping.optional(),
}).meta({ id: 'ImportRequest' });

export const usageImport = z
  .strictObject({
    id: z.string(),
    status: z.enum(['waiting', 'running', 'finished', 'finished-with-errors', 'failed']),
    requestedAt: instantText,
    finishedAt: instantText.optional(),
    linesRead: z.number().int(),
    recorded: z.number().int(),
    duplicates: z.number().int(),
    refused: z.number().int(),
    failure: z.string().optional().meta({ description: 'Why the file could not be read to its end.' }),
    upload: z.strictObject({ method: z.literal('PUT'), url: z.string(), expiresAt: instantText }).optional(),
    errors: z
      .string()
      .optional()
      .meta({ description: 'Link to the error file (NDJSON: line, field, rule), good for 15 minutes.' }),
  })
  .meta({ id: 'UsageImport' });
