import * as z from 'zod';
import { addDays, dayOf, monthBefore, parseDay, parseInstant, periodOfMonth, weekOf } from '../../../domain/time.ts';
import type { RunRequest } from '../../../store/runs.ts';

/** What the state machine carries from step to step: ids, days and keys, never rows and never amounts. */
export interface RunPlan extends RunRequest {
  readonly execution: string;
  readonly startedAt: string;
  /** Slices of the run. */
  readonly slices: number;
  /** Where the list of slices is. */
  readonly slicesKey: string;
}

const day = z.string().refine((text) => parseDay(text) !== undefined, 'must be a calendar day, such as 2026-11-20');
const instant = z.string().refine((text) => parseInstant(text) !== undefined, 'must be an RFC 3339 time');

/** What starts an execution: a schedule, or somebody who asked for a run. */
const executionInput = z.discriminatedUnion('trigger', [
  z.object({ trigger: z.literal('daily'), scheduledTime: instant }),
  z.object({ trigger: z.literal('recheck'), scheduledTime: instant }),
  z.object({ trigger: z.literal('spot'), scheduledTime: instant }),
  z.object({ trigger: z.literal('invoices'), scheduledTime: instant }),
  z.object({
    trigger: z.literal('request'),
    runId: z.string(),
    startDate: day,
    endDate: day,
    books: z.literal('invoices').optional(),
    accounts: z.array(z.string()).min(1).optional(),
    requestedAt: instant,
    requestedBy: z.string().optional(),
  }),
]);

/** The execution was started with an input that says no run. Trying again would not help. */
export class InvalidRunInputError extends Error {
  override name = 'InvalidRunInputError';
}

/** Days that a re-check looks back on, for evidence that came late. */
const RECHECK_DAYS = 7;

/** Days that a spot check covers: all since the one before. */
const SPOT_CHECK_DAYS = 7;

/**
 * Which run an execution is for. A schedule's run is named after the day before it, so a schedule that fires twice asks
 * for the same run twice. A re-check covers the seven days before the day that the daily run covers. A spot check covers
 * the seven days up to the day before it, and is named after that day's week. Invoices are compared of the month before.
 * @throws InvalidRunInputError
 */
export function runOf(input: unknown): RunRequest {
  const parsed = executionInput.safeParse(input);
  if (!parsed.success) throw new InvalidRunInputError(`The input starts no run: ${z.prettifyError(parsed.error)}`);
  const { data } = parsed;
  if (data.trigger === 'request') {
    const { trigger, runId: id, startDate, endDate, books, accounts, requestedAt, requestedBy } = data;
    if (endDate < startDate)
      throw new InvalidRunInputError(`endDate ${endDate} must not be before startDate ${startDate}.`);
    const optional = {
      ...(books !== undefined && { books }),
      ...(accounts !== undefined && { accounts }),
      ...(requestedBy !== undefined && { requestedBy }),
    };
    return { id, trigger, startDate, endDate, requestedAt, ...optional };
  }
  const requestedAt = parseInstant(data.scheduledTime) ?? data.scheduledTime;
  if (data.trigger === 'invoices') {
    const month = monthBefore(dayOf(requestedAt));
    const { start, end } = periodOfMonth(month);
    const days = { startDate: start, endDate: addDays(end, -1) };
    return { id: `invoices-${month}`, trigger: 'invoices', books: 'invoices', ...days, requestedAt };
  }
  const dayBefore = addDays(dayOf(requestedAt), -1);
  if (data.trigger === 'spot') {
    const startDate = addDays(dayBefore, 1 - SPOT_CHECK_DAYS);
    return { id: `spot-${weekOf(dayBefore)}`, trigger: 'spot', startDate, endDate: dayBefore, requestedAt };
  }
  const id = `${data.trigger}-${dayBefore}`;
  return data.trigger === 'daily'
    ? { id, trigger: 'daily', startDate: dayBefore, endDate: dayBefore, requestedAt }
    : {
        id,
        trigger: 'recheck',
        startDate: addDays(dayBefore, -RECHECK_DAYS),
        endDate: addDays(dayBefore, -1),
        requestedAt,
      };
}
