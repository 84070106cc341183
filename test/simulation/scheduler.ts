import type { Clock } from '../../local/states/clock.ts';

/**
 * The one order in which everything of a run happens. Whatever waits, for an answer or for a time, waits here; the next
 * to go is the one whose time comes first, and time jumps to it. Between two of them all promises settle that can, so
 * that what follows from one event is over before the next, and the same seed gives the same run.
 */
export interface Scheduler {
  /** Milliseconds since 1970, in simulated time. */
  now(): number;
  /** Runs something after so many milliseconds. */
  after(milliseconds: number, run: () => void): void;
  sleep(milliseconds: number): Promise<void>;
  /** For the interpreter of state machines. */
  readonly clock: Clock;
  /** Lets events happen until this is so. @throws what `fail` was told. */
  run(isOver: () => boolean): Promise<void>;
  /** Ends the run; nothing happens after it. */
  fail(error: unknown): void;
  /** How many events have happened. */
  readonly events: number;
}

/** Nobody waits for anything, and the run is not over. */
export class StalledError extends Error {
  override name = 'StalledError';
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Events after which other work of the process gets its turn. */
const EVENTS_AT_ONCE = 5_000;
/** Turns of the event loop that streams may take without an event, before nothing more is awaited of them. */
const IDLE_TURNS_MAX = 100;

export function createScheduler(start: number): Scheduler {
  const heap: Event[] = [];
  let [time, order, events, idle] = [start, 0, 0, 0];
  let failure: { readonly error: unknown } | undefined;

  function after(milliseconds: number, run: () => void): void {
    order += 1;
    push(heap, { at: time + Math.max(0, milliseconds), order, run });
  }

  /** @returns false when there was nothing to do. */
  function happen(): boolean {
    const event = pop(heap);
    if (event === undefined) return false;
    time = Math.max(time, event.at);
    events += 1;
    event.run();
    return true;
  }

  function run(isOver: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn = () => {
        try {
          if (failure !== undefined) return reject(failure.error);
          if (isOver()) return resolve();
          idle = happen() ? 0 : idle + 1;
        } catch (error) {
          return reject(error);
        }
        if (idle > IDLE_TURNS_MAX) return reject(new StalledError('Nobody waits for anything any more.'));
        if (idle > 0 || events % EVENTS_AT_ONCE === 0) setImmediate(turn);
        // A tick that is asked for by the last of all promises comes when none is left that can settle.
        else queueMicrotask(() => process.nextTick(turn));
      };
      setImmediate(turn);
    });
  }

  return {
    now: () => time,
    after,
    sleep: (milliseconds) => new Promise((resolve) => after(milliseconds, resolve)),
    clock: {
      now: () => new Date(time),
      sleep: (milliseconds, signal) =>
        new Promise((resolve, reject) => {
          if (signal.aborted) return reject(signal.reason);
          const cancel = () => reject(signal.reason);
          signal.addEventListener('abort', cancel, { once: true });
          after(milliseconds, () => {
            signal.removeEventListener('abort', cancel);
            resolve();
          });
        }),
    },
    run,
    fail(error) {
      failure ??= { error };
    },
    get events() {
      return events;
    },
  };
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function push(heap: Event[], event: Event): void {
  let place = heap.push(event) - 1;
  while (place > 0) {
    const parent = (place - 1) >> 1;
    if (!isBefore(event, heap[parent] as Event)) break;
    heap[place] = heap[parent] as Event;
    place = parent;
  }
  heap[place] = event;
}

function pop(heap: Event[]): Event | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return first;
  let place = 0;
  for (;;) {
    let child = 2 * place + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child += 1;
    if (!isBefore(heap[child] as Event, last)) break;
    heap[place] = heap[child] as Event;
    place = child;
  }
  heap[place] = last;
  return first;
}
