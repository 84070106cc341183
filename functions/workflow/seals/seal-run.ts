import * as z from 'zod';
import type { SealHead } from '../../../domain/seals/chain.ts';
import { daysToSeal, periodToVerify } from '../../../domain/seals/slices.ts';
import { addDays, dayOf, daysOf, type Instant, parseDay, parseInstant } from '../../../domain/time.ts';
import { sealRunKey } from '../../../store/artifacts.ts';
import type { SealRunName, SealRunRequest } from '../../../store/seal-runs.ts';

/** What the state machine carries from step to step: ids, days and keys, never rows. */
export interface SealRunPlan extends SealRunRequest {
  readonly execution: string;
  readonly startedAt: Instant;
  /** What was recorded later is left out of the seal. */
  readonly recordedUntil: Instant;
  /** The last seal when it was planned. */
  readonly after: SealHead;
  readonly slices: number;
  /** Where the list of slices is. */
  readonly slicesKey: string;
}

const day = z.string().refine((text) => parseDay(text) !== undefined, 'must be a calendar day, such as 2026-11-20');
const instant = z.string().refine((text) => parseInstant(text) !== undefined, 'must be an RFC 3339 time');

/** What starts an execution: a schedule, or somebody who asked. */
const executionInput = z.discriminatedUnion('trigger', [
  z.object({ trigger: z.literal('daily'), scheduledTime: instant }),
  z.object({ trigger: z.literal('weekly'), scheduledTime: instant }),
  z.object({
    trigger: z.literal('request'),
    mode: z.enum(['seal', 'verify']),
    id: z.string(),
    days: z.array(day).min(1),
    requestedAt: instant,
    requestedBy: z.string().optional(),
  }),
]);

/** The execution was started with an input that says neither a seal nor a verification. Trying again would not help. */
export class InvalidSealInputError extends Error {
  override name = 'InvalidSealInputError';
}

/**
 * What an execution is for. What a schedule asks for is named after the day before it, so a schedule that fires twice asks
 * for the same twice.
 * @throws InvalidSealInputError
 */
export function sealRunOf(input: unknown): SealRunRequest {
  const parsed = executionInput.safeParse(input);
  if (!parsed.success) {
    throw new InvalidSealInputError(`The input asks for no seal and no verification: ${z.prettifyError(parsed.error)}`);
  }
  const { data } = parsed;
  if (data.trigger === 'request') {
    const { requestedBy, days, ...request } = data;
    return { ...request, days: [...new Set(days)].sort(), ...(requestedBy !== undefined && { requestedBy }) };
  }
  const requestedAt = parseInstant(data.scheduledTime) ?? data.scheduledTime;
  const today = dayOf(requestedAt);
  const id = `${data.trigger}-${addDays(today, -1)}`;
  return data.trigger === 'daily'
    ? { mode: 'seal', id, trigger: 'daily', days: daysToSeal(today), requestedAt }
    : { mode: 'verify', id, trigger: 'weekly', days: daysOf(periodToVerify(today)), requestedAt };
}

/** Where the plan keeps what it found of the chain, for the end to tell. */
export function findingsOfPlanKey(run: SealRunName, after: SealHead): string {
  return sealRunKey(run, `plan-after-${after.sequence}.json`);
}
