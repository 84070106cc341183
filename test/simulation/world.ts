import { systemClock } from '../../store/retry.ts';
import { type Chaos, createChaos, type Fault } from './chaos.ts';
import { createEngine, type Engine } from './dynamodb/engine.ts';
import { LEDGER } from './dynamodb/tables.ts';
import type { Objects } from './objects.ts';
import { createRandom, type Random } from './random.ts';
import { createScheduler, type Scheduler } from './scheduler.ts';
import { createTrace, type Trace } from './trace.ts';
import { createWatch, type Watch } from './watch.ts';

/** Everything that a run consists of but the code that it tries. */
export interface World {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly chaos: Chaos;
  readonly trace: Trace;
  readonly engine: Engine;
  readonly objects: Objects;
  readonly watch: Watch;
}

export interface WorldOptions {
  readonly seed: number;
  readonly faults: ReadonlySet<Fault>;
  /** Puts a bug between the code and its tables. */
  readonly sabotage?: (engine: Engine) => Engine;
}

/** When every run begins: an evening, so that it crosses midnight. */
export const BEGINNING = '2026-11-19T23:20:00.000Z';

/** Milliseconds by which an index is behind at most. */
const LAG_MS_MAX = 2_000;
/** Items of a page: so few that everything has several. */
const PAGE_ITEMS = 5;

/**
 * Makes a world, and lets the clock that stores use where they are given none run by its time. There can be one world at
 * a time in a process.
 */
export function createWorld({ seed, faults, sabotage = (engine) => engine }: WorldOptions): World {
  const random = createRandom(seed);
  const chaos = createChaos(random.fork(), faults);
  const scheduler = createScheduler(Date.parse(BEGINNING));
  const watch = createWatch(scheduler.now, (id) => engine.tables.get(LEDGER)?.items.get(`hold#${id}`));
  const own = createEngine({
    now: scheduler.now,
    lag: () => (chaos.strikes('stale') ? random.below(LAG_MS_MAX) : 0),
    pageItems: PAGE_ITEMS,
    onCommit(changes, isEdit) {
      try {
        watch.commit(changes, isEdit);
      } catch (error) {
        scheduler.fail(error);
      }
    },
  });
  const engine = sabotage(own);
  Object.assign(systemClock, { now: scheduler.now, random: random.next, sleep: scheduler.sleep });
  return { scheduler, random, chaos, trace: createTrace(), engine, objects: new Map(), watch };
}
