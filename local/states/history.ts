import type { Clock } from './clock.ts';
import { RUNTIME_ERROR, StateFailure } from './failure.ts';

/** How many events an execution may have (AWS's service quota for standard workflows). */
const MAX_EVENTS = 25_000;

/** One event of an execution's history, as GetExecutionHistory gives it. */
export interface HistoryEvent {
  readonly id: number;
  readonly previousEventId: number;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly type: string;
  readonly [details: string]: unknown;
}

/** One line of events: branches and items each have their own, so that every event names the one that led to it. */
export interface Trail {
  /** @throws StateFailure `States.Runtime` when the execution has all the events it may have. */
  record(type: string, details?: Readonly<Record<string, unknown>>): HistoryEvent;
  /** A line of its own that begins after the newest event of this one. */
  fork(): Trail;
}

/** Starts the history that `events` collects. */
export function startTrail(events: HistoryEvent[], clock: Clock, previousEventId = 0): Trail {
  let previous = previousEventId;
  return {
    record(type, details) {
      // The last event, which tells how the execution ended, must always find room.
      if (events.length >= MAX_EVENTS - 1 && !type.startsWith('Execution')) throw tooManyEvents();
      const event: HistoryEvent = {
        id: events.length + 1,
        previousEventId: previous,
        timestamp: epochSeconds(clock.now()),
        type,
        ...(details === undefined ? {} : { [detailsField(type)]: details }),
      };
      events.push(event);
      previous = event.id;
      return event;
    },
    fork: () => startTrail(events, clock, previous),
  };
}

/** How the JSON 1.0 protocol writes times. */
export function epochSeconds(date: Date): number {
  return date.getTime() / 1000;
}

function tooManyEvents(): StateFailure {
  return new StateFailure(
    RUNTIME_ERROR,
    `The execution reached the maximum number of history events (${MAX_EVENTS}); use a Distributed Map or child executions.`,
  );
}

function detailsField(type: string): string {
  if (type.endsWith('StateEntered')) return 'stateEnteredEventDetails';
  if (type.endsWith('StateExited')) return 'stateExitedEventDetails';
  return `${type.charAt(0).toLowerCase()}${type.slice(1)}EventDetails`;
}
