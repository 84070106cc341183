import { readFileSync } from 'node:fs';

/** Milliseconds of a tick, in which Linux tells processor time. */
const TICK_MS = 10;

/** The processor time that a process has taken, all its threads together; NaN where there is no /proc to tell it. */
export function processorMs(pid: number): number {
  try {
    // Behind the name, which stands in brackets and may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return Number.NaN;
  }
}
