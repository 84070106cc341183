import { HOLD_DAYS_MAX, HOLD_SECONDS_MAX, HOLDS_LISTED, HOLDS_READ_MAX } from '../../contract/limits.ts';
import { accountId } from '../../contract/schemas/common.ts';
import type { OutputOf } from '../../contract/schemas/deferred.ts';
import type { accountHolds, holdReport } from '../../contract/schemas/holds.ts';
import { type Hold, holdStatus, type Resolution } from '../../domain/holds.ts';
import { addDays, addMilliseconds, type Day, dayOf, daysOf, type Instant } from '../../domain/time.ts';
import { getAccount } from '../../store/accounts.ts';
import { inBatches, isHold, type Moments, readExpiring, readHolds } from '../../store/hold-lists.ts';
import { getResolutions, holdFromItem } from '../../store/holds.ts';
import { type Answer, invalid, ok } from '../runtime/answers.ts';
import type { ApiRequest, QueryOf } from '../runtime/pipeline.ts';
import { maySee, printable, type Read } from '../runtime/requests.ts';
import { type HoldCursor, type HoldRange, readHoldCursor, writeHoldCursor } from './hold-cursors.ts';
import type { LedgerDeps } from './ledger-deps.ts';
import { unknownAccount } from './outcomes.ts';
import { renderHold } from './render.ts';

type ListDeps = Pick<LedgerDeps, 'store' | 'now'>;

/** The holds of an account by the time at which they expire. */
export async function listAccountHolds(
  deps: ListDeps,
  { params, caller, query }: ApiRequest<undefined, QueryOf<'listAccountHolds'>>,
): Promise<Answer> {
  const id = params.accountId ?? '';
  const now = deps.now();
  const range = rangeOf(id, query, ['open', 'all'], comingDays(query, now));
  if (!range.ok) return range.answer;
  const isPath = accountId.safeParse(id).success && maySee(caller, id);
  if (!isPath || (await getAccount(deps.store, id)) === undefined) return unknownAccount(printable(id), 'accountId');
  const { status, from, to } = range.value;
  const { found, next } = await readPage(deps, range.value, query.limit, {
    // What has expired is not open, so there is nothing to look for before now.
    since: status === 'open' ? now : undefined,
    readDay: (day, moments) => readHolds(deps.store, id, day, moments),
    isWanted: (hold, resolution) => status === 'all' || holdStatus(hold, resolution, now) === 'open',
  });
  const body: OutputOf<typeof accountHolds> = {
    account: id,
    status,
    from,
    to,
    holds: found.map(({ hold, resolution }) => renderHold(hold, resolution, now)),
    ...(next !== undefined && { next: writeHoldCursor(id, { status, from, to, after: next }) }),
  };
  return ok(200, body);
}

/** The holds of all accounts that were never captured, by the time at which they expire. */
export async function listHolds(
  deps: ListDeps,
  { query }: ApiRequest<undefined, QueryOf<'listHolds'>>,
): Promise<Answer> {
  const now = deps.now();
  const range = rangeOf(EVERYBODY, query, ['uncaptured', 'expired'], pastDays(query, now));
  if (!range.ok) return range.answer;
  const { status, from, to } = range.value;
  const { found, next } = await readPage(deps, range.value, query.limit, {
    readDay: (day, moments) => expiringOf(deps, day, moments),
    isWanted: (hold, resolution) => {
      const known = holdStatus(hold, resolution, now);
      return known === 'expired' || (known === 'released' && status === 'uncaptured');
    },
  });
  const body: OutputOf<typeof holdReport> = {
    status,
    from,
    to,
    holds: found.map(({ hold, resolution }) => renderHold(hold, resolution, now)),
    totals: totalsOf(found.map(({ hold }) => hold)),
    ...(next !== undefined && { next: writeHoldCursor(EVERYBODY, { status, from, to, after: next }) }),
  };
  return ok(200, body);
}

/** What a cursor over all accounts is bound to; no account has this id. */
const EVERYBODY = '*';

/** Holds whose ends are asked for at once: a few calls of a hundred (AWS limit of a batch). */
const BATCH_HOLDS = 200;

/** Something that was read in search of holds. Other things that expire are no holds, and take as long to read. */
interface Row {
  readonly key: string;
  readonly hold?: Hold;
}

async function* expiringOf({ store }: ListDeps, day: Day, moments: Moments): AsyncGenerator<Row[]> {
  for await (const batch of inBatches(readExpiring(store, day, moments), BATCH_HOLDS)) {
    yield batch.map((one) => ({ key: one.key, ...(isHold(one) && { hold: holdFromItem(one.item) }) }));
  }
}

interface Found {
  readonly hold: Hold;
  readonly resolution: Resolution | undefined;
}

interface Wanted {
  readonly since?: Instant | undefined;
  readonly readDay: (day: Day, moments: Moments) => AsyncIterable<readonly Row[]>;
  readonly isWanted: (hold: Hold, resolution: Resolution | undefined) => boolean;
}

/** A page in order of expiry. It ends early where too many are looked at that nobody asked for; `next` says where. */
async function readPage(
  { store }: ListDeps,
  { from, to, after }: Range<string>,
  limit = HOLDS_LISTED,
  { since = '', readDay, isWanted }: Wanted,
): Promise<{ readonly found: readonly Found[]; readonly next?: string | undefined }> {
  const start = [from, since, after ?? ''].reduce((a, b) => (a > b ? a : b));
  const found: Found[] = [];
  let [read, last] = [0, after];
  for (const day of daysOf({ start: dayOf(start), end: addDays(to, 1) })) {
    for await (const page of readDay(day, { from: day === dayOf(start) ? start : undefined })) {
      const rows = page.filter(({ key }) => after === undefined || key > after);
      const ended = await getResolutions(
        store,
        rows.flatMap(({ hold }) => hold?.id ?? []),
      );
      for (const { key, hold } of rows) {
        // Things of one id may expire at one moment. The next page begins behind all that have this key.
        if ((found.length === limit || read >= HOLDS_READ_MAX) && key !== last) return { found, next: last };
        const resolution = hold && ended.get(hold.id);
        if (hold !== undefined && isWanted(hold, resolution)) found.push({ hold, resolution });
        last = key;
        read += 1;
      }
    }
  }
  return { found };
}

function totalsOf(holds: readonly Hold[]) {
  return [...Map.groupBy(holds, ({ asset }) => asset)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([asset, own]) => ({
      asset,
      holds: own.length,
      amount: own.reduce((sum, { amount }) => sum + amount, 0n).toString(),
    }));
}

type Range<Status extends string> = HoldRange<Status> & Partial<Pick<HoldCursor<Status>, 'after'>>;

interface Asked<Status extends string> extends SaidDays {
  readonly status?: Status | undefined;
  readonly cursor?: string | undefined;
}

type Days = Pick<HoldRange<string>, 'from' | 'to'>;

interface SaidDays {
  readonly from?: Day | undefined;
  readonly to?: Day | undefined;
}

/** From today to the last day on which a hold of now can expire, as far as a list may reach. */
function comingDays({ from, to }: SaidDays, now: Instant): Days {
  const [today, last] = [dayOf(now), dayOf(addMilliseconds(now, HOLD_SECONDS_MAX * 1_000))];
  const start = from ?? (to !== undefined && to < today ? addDays(to, 1 - HOLD_DAYS_MAX) : today);
  return { from: start, to: to ?? earlier(addDays(start, HOLD_DAYS_MAX - 1), later(start, last)) };
}

/** Up to today, and a week where nobody says from when. */
function pastDays({ from, to }: SaidDays, now: Instant): Days {
  const today = dayOf(now);
  const end = to ?? (from === undefined ? today : earlier(addDays(from, HOLD_DAYS_MAX - 1), later(from, today)));
  return { from: from ?? addDays(end, -6), to: end };
}

function earlier(a: Day, b: Day): Day {
  return a < b ? a : b;
}

function later(a: Day, b: Day): Day {
  return a > b ? a : b;
}

/** A cursor brings its range and status along, and goes with no other. */
function rangeOf<Status extends string>(
  list: string,
  query: Asked<Status>,
  statuses: readonly [Status, ...Status[]],
  days: Days,
): Read<Range<Status>> {
  if (query.cursor === undefined) {
    if (days.from <= days.to && days.to < addDays(days.from, HOLD_DAYS_MAX)) {
      return { ok: true, value: { status: query.status ?? statuses[0], ...days } };
    }
    const rule = days.from > days.to ? 'must not be before from' : `must be less than ${HOLD_DAYS_MAX} days after from`;
    return refused('to', rule);
  }
  const cursor = readHoldCursor(list, statuses, query.cursor);
  if (cursor === undefined) return refused('cursor', 'must be the "next" of this list, as it was given');
  const differs = (['status', 'from', 'to'] as const).find(
    (name) => query[name] !== undefined && query[name] !== cursor[name],
  );
  if (differs === undefined) return { ok: true, value: cursor };
  return refused('cursor', `belongs to a list with another "${differs}"; leave that out`);
}

function refused(field: string, rule: string) {
  return { ok: false as const, answer: invalid([{ field, rule }]) };
}
