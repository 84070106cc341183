import { createHash } from 'node:crypto';
import * as z from 'zod';
import { day } from '../../contract/schemas/common.ts';
import { ID_PATTERN } from '../../domain/ids.ts';
import type { Position } from '../../domain/statements.ts';
import { type Day, parseInstant } from '../../domain/time.ts';

/** Where a page of a statement ended, and which statement it is a page of. */
export interface StatementCursor {
  readonly from: Day;
  readonly to: Day;
  readonly order: 'asc' | 'desc';
  readonly after: Position;
}

/**
 * Writes a cursor for one account. The digest is there to find mistakes, such as a cursor of another account or one that
 * was cut short; it keeps nobody out, because a cursor opens nothing that its account's statement does not show.
 */
export function writeCursor(account: string, { from, to, order, after }: StatementCursor): string {
  const content = Buffer.from(JSON.stringify([from, to, order, after.key, after.id])).toString('base64url');
  return `${content}.${digestOf(account, content)}`;
}

/** Reads a cursor; undefined for one that was not written for this account, or was changed. */
export function readCursor(account: string, cursor: string): StatementCursor | undefined {
  const [content = '', digest] = cursor.split('.');
  if (cursor !== `${content}.${digest}` || digest !== digestOf(account, content)) return undefined;
  const parsed = cursorContent.safeParse(parseJson(Buffer.from(content, 'base64url').toString()));
  if (!parsed.success) return undefined;
  const [from, to, order, key, transferId] = parsed.data;
  return { from, to, order, after: { key, id: transferId } };
}

/** `<time>#<request id or id>` */
const position = z.string().refine((key) => {
  const [time = '', request = ''] = key.split('#');
  return parseInstant(time) === time && key === `${time}#${request}` && ID_PATTERN.test(request);
});

const cursorContent = z
  .tuple([day, day, z.enum(['asc', 'desc']), position, z.string().regex(ID_PATTERN)])
  .refine(([from, to, , key]) => from <= key.slice(0, from.length) && key.slice(0, to.length) <= to);

/** Sixteen hexadecimal digits. */
function digestOf(account: string, content: string): string {
  return createHash('sha256').update(`${account}\n${content}`).digest('hex').slice(0, 16);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
