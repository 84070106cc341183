import * as z from 'zod';
import { id, instantText } from '../../contract/schemas/common.ts';
import { type Chart, chartEntryOf } from '../../domain/chart.ts';
import { bucketOf } from '../../store/tables.ts';
import type { Element } from './elements.ts';

/**
 * How a bulk is cut. Elements go into lanes by their account, so that whoever works through a lane meets no conflict
 * there, and has the updates of an account merged into few transactions; a lane is cut into parts that are one message.
 */

/** Elements of a part: with the one update of their account they are a transaction of 100 actions (AWS limit). */
export const PART_ELEMENTS_MAX = 99;
/**
 * Bytes of a part's elements. One has 3 KB at most, and 25 linked ones stay together, so that a message stays well
 * within 256 KB (AWS limit).
 */
const PART_BYTES_MAX = 160_000;

const errors = z.array(z.object({ field: z.string(), rule: z.string() }));

/** An element on its way: as it was sent, or what is wrong with it where those that it is linked to must know. */
const queued = z.object({
  index: z.number().int(),
  /** An element before it has the same id, so that it is a replay at best. */
  again: z.literal(true).optional(),
  value: z.unknown().optional(),
  bad: z.object({ id: id.optional(), group: z.string(), errors }).optional(),
});
export type Queued = z.infer<typeof queued>;

/** The message that carries a part. */
export const partMessage = z.object({
  bulk: z.string(),
  part: z.number().int(),
  acceptedAt: instantText,
  by: z.string(),
  elements: z.array(queued),
});
export type PartMessage = z.infer<typeof partMessage>;

/**
 * A message's body. SQS refuses U+FFFE and U+FFFF, which callers' texts may have, and some that speak like it all
 * that is no single unit of UTF-16; JSON can say each of them in ASCII.
 */
export function messageText(message: unknown): string {
  return JSON.stringify(message).replace(
    /[\ud800-\udfff\ufffe\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16)}`,
  );
}

export interface Part {
  readonly number: number;
  readonly lane: string;
  readonly elements: readonly Queued[];
}

/** An element as it was sent and as it was read. */
export interface Sent {
  readonly value: unknown;
  readonly element: Element;
}

/** The same parts for the same content, every time. */
export function cutIntoParts(sent: readonly Sent[], chart: Chart): Part[] {
  const seen = new Set<string>();
  const units = [...Map.groupBy(sent, ({ element }) => element.group ?? element).values()].map((unit) => ({
    lane: bucketOf(accountOf(unit, chart)),
    elements: unit.map((one) => queue(one, seen)),
  }));
  const lanes = Map.groupBy(units, ({ lane }) => lane);
  const parts: Part[] = [];
  for (const [lane, own] of lanes) {
    let [elements, bytes]: [Queued[], number] = [[], 0];
    const close = () => parts.push({ number: parts.length, lane, elements });
    for (const unit of own) {
      const more = Buffer.byteLength(messageText(unit.elements));
      const isFull = elements.length + unit.elements.length > PART_ELEMENTS_MAX || bytes + more > PART_BYTES_MAX;
      if (isFull && elements.length > 0) {
        close();
        [elements, bytes] = [[], 0];
      }
      elements.push(...unit.elements);
      bytes += more;
    }
    close();
  }
  return parts;
}

function queue({ value, element: { index, id: known, group, read } }: Sent, seen: Set<string>): Queued {
  if (!read.ok) {
    const bad = { ...(known !== undefined && { id: known }), group: group ?? '', errors: [...read.errors] };
    return { index, bad };
  }
  const again = seen.has(read.body.id);
  seen.add(read.body.id);
  return { index, value, ...(again && { again }) };
}

/** Whose updates linked elements wait for: the first strict account, else the one that is debited. */
function accountOf(unit: readonly Sent[], chart: Chart): string {
  const [body] = unit.flatMap(({ element: { read } }) => (read.ok ? [read.body] : []));
  if (body === undefined) return '';
  if (body.type === 'charge') return body.account;
  const isStrict = (account: string) => chartEntryOf(chart, account)?.balance === 'strict';
  return [body.debit, body.credit].find(isStrict) ?? body.debit;
}
