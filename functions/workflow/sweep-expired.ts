import { randomUUID } from 'node:crypto';
import { chart } from '../../config/chart.ts';
import { HOLD_SECONDS_MAX } from '../../contract/limits.ts';
import type { Chart } from '../../domain/chart.ts';
import type { Hold } from '../../domain/holds.ts';
import { inOrder } from '../../domain/reconciliation/in-order.ts';
import { instantOf } from '../../domain/reconciliation/rows.ts';
import { addDays, addMilliseconds, dayOf, daysOf, type Instant } from '../../domain/time.ts';
import { sweepGrant } from '../../store/grant-expiry.ts';
import { listedGrantFromItem } from '../../store/grants.ts';
import { type Expiring, inBatches, isHold, readExpiring } from '../../store/hold-lists.ts';
import { expireHolds, getResolutions, holdFromItem } from '../../store/holds.ts';
import { MalformedItemError } from '../../store/items.ts';
import type { LedgerStore } from '../../store/posting.ts';
import { StoreUnavailableError, systemClock } from '../../store/retry.ts';
import { noteSwept, type SweepStore, sweptKey } from '../../store/sweeps.ts';
import { dynamoDb } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import { countMetric, publishMetrics } from '../runtime/metrics.ts';

export interface SweepDeps {
  readonly store: LedgerStore;
  readonly sweeps: SweepStore;
  readonly chart: Chart;
  readonly now: () => Instant;
}

export interface SweepEvent {
  /** Sweeps again from here: for what could not be ended when it was its turn. */
  readonly from?: Instant;
}

export interface SweepAnswer {
  /** Everything that expires before this has ended. */
  readonly sweptUntil: Instant;
  readonly holdsExpired: number;
}

/**
 * Milliseconds by which what is asked for may come late into what is read here: a write may take its deadline, and an
 * index follows its table within moments (AWS). The mark stays behind by as much, so that nothing slips under it.
 */
const OVERLAP_MS = 2 * 60_000;

/** Milliseconds after which a run takes on nothing more: the next one, a minute later, goes on from there. */
const RUN_MS = 40_000;

/** Days back that the very first run looks: time to notice that none ever ran. */
const FIRST_LOOK_DAYS = 30;

/** Things that expire, taken on at once: a few hundred kilobytes. */
const BATCH = 200;

/** Accounts written to at once. Each is a transaction of its own, so that a busy one keeps no others waiting. */
const ACCOUNTS_AT_ONCE = 8;

/** Accounts in a row that could not be written to in time, after which it is not they: the table is away. */
const MISSED_IN_A_ROW_MAX = 5;

/** Something that expires was refused by the ledger and is passed over; the log says what. */
export class ExpiryRefusedError extends Error {
  override name = 'ExpiryRefusedError';
}

/**
 * Writes down what has expired, in order of time from where the last run came to. It may run twice at once, stop
 * anywhere and stay out for days: what ends, ends once, and the mark never passes anything that was not reached. An
 * account that cannot be written to keeps the mark where it is, and no other account waiting.
 * @throws ExpiryRefusedError after all else is done and noted.
 */
export const makeHandler =
  (deps: SweepDeps) =>
  async ({ from }: SweepEvent = {}): Promise<SweepAnswer> => {
    const now = deps.now();
    const mark = (await sweptKey(deps.sweeps)) ?? `${addDays(dayOf(now), -FIRST_LOOK_DAYS)}T00:00:00.000Z`;
    const run = await sweep(deps, from !== undefined && from < mark ? from : mark, now);
    const latest = addMilliseconds(now, -OVERLAP_MS);
    const reached = run.doneUntil < latest ? run.doneUntil : latest;
    if (reached > mark) await noteSwept(deps.sweeps, reached);
    const sweptUntil = instantOf(reached);
    countMetric('holds_expired', run.expired);
    const lagMs = Date.parse(now) - Date.parse(instantOf(run.doneUntil));
    countMetric('expiry_sweep_lag_seconds', lagMs / 1_000, 'Seconds');
    publishMetrics();
    logger.info('Swept', { sweptUntil, holdsExpired: run.expired, refused: run.refused });
    if (run.refused > 0)
      throw new ExpiryRefusedError(`${run.refused} of what expired could not be ended: see the log.`);
    return { sweptUntil, holdsExpired: run.expired };
  };

/** A run, and what came of it so far. */
interface Run {
  readonly now: Instant;
  /** When it takes on nothing more. */
  readonly deadline: Instant;
  expired: number;
  refused: number;
  /** False from the first account on that could not be written to in time: nothing after it counts as done. */
  isWhole: boolean;
  /** Accounts that could not, since the last one that could. */
  missedInARow: number;
}

/** @param start a moment, or the key of the last that ended. Of several with one key, some may not have. */
async function sweep(deps: SweepDeps, start: string, now: Instant): Promise<Run & { readonly doneUntil: string }> {
  const run: Run = {
    now,
    deadline: addMilliseconds(now, RUN_MS),
    expired: 0,
    refused: 0,
    isWhole: true,
    missedInARow: 0,
  };
  let doneUntil = start;
  for (const day of daysOf({ start: dayOf(start), end: addDays(dayOf(now), 1) })) {
    const from = day === dayOf(start) ? start : undefined;
    for await (const batch of inBatches(readExpiring(deps.store, day, { from, until: now }), BATCH)) {
      await sweepBatch(deps, batch, run);
      const last = batch.at(-1);
      if (run.isWhole && last !== undefined) doneUntil = last.key;
      if (isAway(run) || deps.now() >= run.deadline) return { ...run, doneUntil };
    }
  }
  return { ...run, doneUntil: run.isWhole ? now : doneUntil };
}

function isAway({ missedInARow }: Run): boolean {
  return missedInARow >= MISSED_IN_A_ROW_MAX;
}

async function sweepBatch(deps: SweepDeps, batch: readonly Expiring[], run: Run): Promise<void> {
  const [listed, others] = [batch.filter(isHold), batch.filter((one) => !isHold(one))];
  const holds = listed.flatMap((one) => readHold(one, run) ?? []);
  const ended = await endedOf(deps, holds);
  const byAccount = Map.groupBy(
    holds.filter(({ id }) => !ended.has(id)),
    ({ account }) => account,
  );
  const work = [
    ...[...byAccount].map(
      ([account, own]) =>
        () =>
          sparing(deps, run, { account }, () => sweepHolds(deps, own, run)),
    ),
    ...others.map((one) => () => sparing(deps, run, { pk: one.pk }, () => sweepOther(deps, one, run))),
  ];
  for await (const _ of inOrder(work, ACCOUNTS_AT_ONCE, (perform) => perform()));
}

/** A hold that cannot be read keeps no other waiting. */
function readHold({ pk, item }: Expiring, run: Run): Hold | undefined {
  try {
    return holdFromItem(item);
  } catch (error) {
    passOver(run, { pk, error });
    return undefined;
  }
}

/** Which holds have ended. Where that cannot be read, none is known to have: the write of each finds it out. */
async function endedOf({ store }: SweepDeps, holds: readonly Hold[]): Promise<ReadonlySet<string>> {
  try {
    const ids = holds.map(({ id }) => id);
    return new Set((await getResolutions(store, ids)).keys());
  } catch (error) {
    logger.warn('Which holds have ended cannot be read', { error });
    return new Set();
  }
}

/**
 * Does one piece of work. What cannot be done now is left to the next run, which begins before it; what never can is
 * counted and passed over.
 * @param of what it is about, for the log.
 */
async function sparing(
  deps: SweepDeps,
  run: Run,
  of: Readonly<Record<string, string>>,
  perform: () => Promise<void>,
): Promise<void> {
  // Once something was missed the mark stands, so there is nothing to gain by going on after the time is up.
  if (isAway(run) || (!run.isWhole && deps.now() >= run.deadline)) return;
  try {
    await perform();
    run.missedInARow = 0;
  } catch (error) {
    if (error instanceof StoreUnavailableError) {
      run.isWhole = false;
      run.missedInARow += 1;
      logger.warn('The ledger could not be reached in time', { ...of, error });
    } else {
      passOver(run, { ...of, error });
    }
  }
}

/** Counts and logs what can never be ended as it is. */
function passOver(run: Run, { error, ...of }: Readonly<Record<string, unknown>>): void {
  run.refused += 1;
  logger.error('Something expired and cannot be ended', {
    ...of,
    error: error instanceof Error ? error : String(error),
  });
}

/** @throws StoreUnavailableError when some of them could not be ended in time. */
async function sweepHolds({ store }: SweepDeps, holds: readonly Hold[], run: Run): Promise<void> {
  let missed: StoreUnavailableError | undefined;
  for (const [index, result] of (await expireHolds(store, holds, run.now)).entries()) {
    if (result.kind === 'resolved') {
      if (result.isNew) run.expired += 1;
    } else if (result.kind === 'unavailable' && result.error instanceof StoreUnavailableError) {
      missed = result.error;
    } else {
      passOver(run, { holdId: holds[index]?.id, error: result.kind === 'unavailable' ? result.error : result.kind });
    }
  }
  if (missed !== undefined) throw missed;
}

/** Whatever else expires says by its kind what it is. */
async function sweepOther({ store, chart }: SweepDeps, { pk, item }: Expiring, { now }: Run): Promise<void> {
  if (item.kind?.S !== 'grant') throw new MalformedItemError(`Something of an unknown kind expired: ${pk}.`);
  await sweepGrant({ store, chart, holdMs: HOLD_SECONDS_MAX * 1_000 }, listedGrantFromItem(item), now);
}

export const handler = lazily(() => {
  const { LEDGER_TABLE, OPERATIONS_TABLE } = environment('LEDGER_TABLE', 'OPERATIONS_TABLE');
  const client = dynamoDb();
  return makeHandler({
    store: { client, ledgerTable: LEDGER_TABLE, clock: systemClock, newId: randomUUID, listed: new Set() },
    sweeps: { client, operationsTable: OPERATIONS_TABLE },
    chart,
    now: () => new Date().toISOString(),
  });
});
