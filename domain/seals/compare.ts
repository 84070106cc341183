import type { Day, Instant } from '../time.ts';
import { compareEntries, type EntryLine, type LedgerEntry } from './entries.ts';

/** What was done to a transfer since its day was sealed. */
export interface SealChange {
  readonly account: string;
  readonly day: Day;
  /** The transfer's id. */
  readonly transfer: string;
  readonly what: ChangeKind;
  /** The seal that says so. */
  readonly seal: number;
}

export const CHANGE_KINDS = ['edited', 'removed', 'inserted'] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

/** How an account's day was sealed, and how far the clocks of those who write may be trusted. */
export interface Sealing {
  readonly day: Day;
  readonly seal: number;
  /** What was recorded later is not in the seal, and nobody says that it should be. */
  readonly recordedUntil: Instant;
  /** Nothing can have been recorded after this moment: who dates a transfer later slips it past every seal. */
  readonly now: Instant;
  /** What was recorded before this moment should be in a seal by now. */
  readonly dueUntil: Instant;
}

/**
 * Changes of one account's day that are held back, in case the same transfer turns up again a little further on. Beyond
 * them, a transfer that was moved is told as removed and inserted.
 */
const HELD_BACK_MAX = 10_000;

/**
 * Compares an account's day with its seal, in one pass over both in the order of their entries.
 * @param each called with every entry of the ledger, changed or not.
 */
export async function* compareWithSeal(
  account: string,
  sealed: AsyncIterable<EntryLine>,
  ledger: AsyncIterable<LedgerEntry>,
  sealing: Sealing,
  each: (entry: LedgerEntry) => Promise<void>,
): AsyncGenerator<SealChange> {
  const missing = new Set<string>();
  const strange = new Set<string>();
  const [left, right] = [sealed[Symbol.asyncIterator](), ledger[Symbol.asyncIterator]()];
  const change = (transfer: string, what: ChangeKind): SealChange => {
    return { account, day: sealing.day, transfer, what, seal: sealing.seal };
  };
  function* told(): Generator<SealChange> {
    for (const id of missing) yield change(id, strange.delete(id) ? 'edited' : 'removed');
    for (const id of strange) yield change(id, 'inserted');
    missing.clear();
    strange.clear();
  }
  const next = async () => {
    const { value, done } = await right.next();
    if (done) return undefined;
    await each(value);
    return value;
  };
  let [was, is] = [await nextOf(left), await next()];
  while (was !== undefined || is !== undefined) {
    const order = was === undefined ? 1 : is === undefined ? -1 : compareEntries(was, is);
    if (order === 0 && was !== undefined && is !== undefined && was.digest !== is.digest) yield change(is.id, 'edited');
    if (order < 0 && was !== undefined) missing.add(was.id);
    if (order > 0 && is !== undefined && belongs(is, sealing)) strange.add(is.id);
    if (missing.size + strange.size >= HELD_BACK_MAX) yield* told();
    if (order <= 0) was = await nextOf(left);
    if (order >= 0) is = await next();
  }
  yield* told();
}

/** Whether it was recorded after its seal, and so long ago that a later one should have it. */
export function isOverdue({ recordedAt }: LedgerEntry, { recordedUntil, dueUntil }: Sealing): boolean {
  return recordedAt > recordedUntil && recordedAt < dueUntil;
}

/** Whether the seal should have it. */
function belongs({ recordedAt }: LedgerEntry, { recordedUntil, now }: Sealing): boolean {
  return recordedAt <= recordedUntil || recordedAt > now;
}

async function nextOf<T>(iterator: AsyncIterator<T>): Promise<T | undefined> {
  const { value, done } = await iterator.next();
  return done ? undefined : value;
}
