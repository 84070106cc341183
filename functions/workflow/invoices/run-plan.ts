import * as z from 'zod';
import { dayOf, type Month, monthBefore, parseInstant } from '../../../domain/time.ts';
import type { BillingRunRequest } from '../../../store/billing-runs.ts';

/** What the state machine carries from step to step: ids, keys and names, never rows and never amounts. */
export interface BillingRunPlan {
  readonly id: string;
  readonly execution: string;
  readonly startedAt: string;
  readonly passes: readonly string[];
  readonly concurrency: number;
  /** Where the list of slices is. */
  readonly slicesKey: string;
}

/** What starts an execution: somebody who asked for a run, or the monthly schedule. */
const executionInput = z.union([
  z.object({ runId: z.string() }),
  z.object({
    trigger: z.literal('monthly'),
    scheduledTime: z.string().refine((text) => parseInstant(text) !== undefined, 'must be an RFC 3339 time'),
  }),
]);

/** The execution was started with an input that names no run. Trying again would not help. */
export class InvalidBillingInputError extends Error {
  override name = 'InvalidBillingInputError';
}

/** The id of the run that the schedule asks for; nobody else may take it. */
export function monthlyRunId(month: Month): string {
  return `monthly-${month}`;
}

/** The run that an execution is for: its id, or what the schedule asks for, named after its month so that it is there once. */
export function billingRunOf(input: unknown): string | BillingRunRequest {
  const parsed = executionInput.safeParse(input);
  if (!parsed.success) throw new InvalidBillingInputError(`The input names no run: ${z.prettifyError(parsed.error)}`);
  if ('runId' in parsed.data) return parsed.data.runId;
  const requestedAt = parseInstant(parsed.data.scheduledTime) ?? parsed.data.scheduledTime;
  const month = monthBefore(dayOf(requestedAt));
  return { id: monthlyRunId(month), spec: { kind: 'generate', month }, requestedBy: 'schedule', requestedAt };
}
