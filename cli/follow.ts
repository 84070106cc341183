import { CommandFailedError } from './failure.ts';
import { plural } from './format.ts';
import type { Io } from './io.ts';

export interface Following<T> {
  /** Asks once for the state. */
  readonly look: () => Promise<T>;
  readonly isOver: (state: T) => boolean;
  /** Called with every state, the last one included. */
  readonly show: (state: T) => void;
  /** What is followed and how to look at it again; ends a sentence. */
  readonly subject: string;
  readonly deadlineMs: number;
}

/** First wait 0.5 s, so that short work does not feel long; then ever longer up to 5 s, so that long work is not pestered. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5_000;
const GROWTH = 1.2;

/**
 * Looks again and again until it is over. Waits have jitter, so that many followers do not ask at once.
 * @throws CommandFailedError when the deadline passes first; what is followed goes on.
 */
export async function follow<T>(io: Io, { look, isOver, show, subject, deadlineMs }: Following<T>): Promise<T> {
  const deadline = io.now() + deadlineMs;
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(LONGEST_WAIT_MS, wait * GROWTH)) {
    const state = await look();
    show(state);
    if (isOver(state)) return state;
    if (io.now() >= deadline) {
      throw new CommandFailedError(`Stopped waiting after ${plural(deadlineMs / 60_000, 'minute')}. ${subject}`);
    }
    await io.wait(wait * (0.5 + io.random() / 2), io.signal);
  }
}
