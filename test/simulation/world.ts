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
  /** When it begins. */
  readonly beginning: string;
}

export interface WorldOptions {
  readonly seed: number;
  readonly faults: ReadonlySet<Fault>;
  /** Puts a bug between the code and its tables. */
  readonly sabotage?: (engine: Engine) => Engine;
}

/** When runs begin: on an evening, to cross midnight, or within a day. */
const BEGINNINGS = ['2026-11-19T23:20:00.000Z', '2026-11-19T12:00:00.000Z'] as const;

/** How often things go wrong, in times of what is usual: some faults only meet each other where there are many. */
const RATES = [0.3, 1, 1, 3] as const;

/** Milliseconds by which an index is behind at most. */
const LAG_MS_MAX = 2_000;
/** Items of a page at most: so few that everything has several. */
const PAGE_ITEMS_MAX = 9;

/**
 * Makes a world, and lets the clock that stores use where they are given none run by its time. There can be one world at
 * a time in a process.
 */
export function createWorld({ seed, faults, sabotage = (engine) => engine }: WorldOptions): World {
  const random = createRandom(seed);
  const chaos = createChaos(random.fork(), faults, random.pick(RATES));
  const beginning = random.pick(BEGINNINGS);
  const scheduler = createScheduler(Date.parse(beginning));
  const watch = createWatch(scheduler.now, (id) => engine.tables.get(LEDGER)?.items.get(`hold#${id}`));
  const own = createEngine({
    now: scheduler.now,
    lag: () => (chaos.strikes('stale') ? random.below(LAG_MS_MAX) : 0),
    pageItems: 1 + random.below(PAGE_ITEMS_MAX),
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
  return { scheduler, random, chaos, trace: createTrace(), engine, objects: new Map(), watch, beginning };
}
