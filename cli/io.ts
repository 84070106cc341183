import { randomUUID } from 'node:crypto';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/** Everything of the outside world that a command touches; tests bring their own. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Results, and nothing else, so that they can be piped. */
  readonly stdout: Writable;
  /** Progress, notes and errors. A progress bar is drawn only where it is a terminal. */
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** Aborted when the user presses ctrl-c. */
  readonly signal: AbortSignal;
  readonly fetch: typeof fetch;
  readonly now: () => number;
  readonly random: () => number;
  readonly wait: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  readonly newId: () => string;
}

export function systemIo(signal: AbortSignal): Io {
  return {
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    signal,
    fetch,
    now: Date.now,
    random: Math.random,
    wait: (milliseconds, stop) => sleep(milliseconds, undefined, stop === undefined ? {} : { signal: stop }),
    newId: randomUUID,
  };
}

export function print(io: Io, text: string): void {
  io.stdout.write(`${text}\n`);
}

/** A note for the person at the terminal; it never mixes with results. */
export function note(io: Io, text: string): void {
  io.stderr.write(`${text}\n`);
}
