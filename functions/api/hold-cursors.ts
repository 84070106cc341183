import { createHash } from 'node:crypto';
import * as z from 'zod';
import { day } from '../../contract/schemas/common.ts';
import { ID_PATTERN } from '../../domain/ids.ts';
import { type Day, parseInstant } from '../../domain/time.ts';

/** Which holds a list is of, by when they expire. */
export interface HoldRange<Status extends string> {
  readonly status: Status;
  readonly from: Day;
  readonly to: Day;
}

/** Where a page of a list of holds ended, and which list it is a page of. */
export interface HoldCursor<Status extends string> extends HoldRange<Status> {
  /** `<expiry>#<id>` of the last hold, or other thing that expires, that was looked at. */
  readonly after: string;
}

/**
 * Writes a cursor for one list. As with statements, its digest finds mistakes and keeps nobody out.
 * @param list whose holds are listed: an account, or all of them.
 */
export function writeHoldCursor(list: string, { status, from, to, after }: HoldCursor<string>): string {
  const content = Buffer.from(JSON.stringify([status, from, to, after])).toString('base64url');
  return `${content}.${digestOf(list, content)}`;
}

/** Reads a cursor; undefined for one that was not written for this list, or was changed. */
export function readHoldCursor<Status extends string>(
  list: string,
  statuses: readonly Status[],
  cursor: string,
): HoldCursor<Status> | undefined {
  const [content = '', digest] = cursor.split('.');
  if (cursor !== `${content}.${digest}` || digest !== digestOf(list, content)) return undefined;
  const parsed = cursorContent.safeParse(parseJson(Buffer.from(content, 'base64url').toString()));
  if (!parsed.success) return undefined;
  const [said, from, to, after] = parsed.data;
  const status = statuses.find((one) => one === said);
  return status && { status, from, to, after };
}

const position = z.string().refine((key) => {
  const [time = '', id = ''] = key.split('#');
  return parseInstant(time) === time && key === `${time}#${id}` && ID_PATTERN.test(id);
});

const cursorContent = z.tuple([z.string(), day, day, position]);

/** Sixteen hexadecimal digits. */
function digestOf(list: string, content: string): string {
  return createHash('sha256').update(`holds of ${list}\n${content}`).digest('hex').slice(0, 16);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
