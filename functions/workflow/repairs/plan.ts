import { canonicalJson } from '../../../domain/canonical-json.ts';
import type { Chart } from '../../../domain/chart.ts';
import type { RateCard } from '../../../domain/rating.ts';
import type { FindingKind } from '../../../domain/reconciliation/findings.ts';
import type { Step } from '../../../domain/repairs/steps.ts';
import type { Instant } from '../../../domain/time.ts';
import type { Artifacts } from '../../../store/artifacts.ts';
import { sha256 } from '../../../store/audit.ts';
import type { EntryCounts } from '../../../store/repairs.ts';
import type { BalanceDeps } from '../reconciliation/balance-slice.ts';

/** What planning stands on. */
export interface PlanningDeps extends BalanceDeps {
  readonly artifacts: Artifacts;
  readonly chart: Chart;
  readonly rateCards: readonly RateCard[];
}

/** What a plan does not do: a finding that waits for a person, or a step that is not rolled back. */
export interface LeftLine {
  /** Of the finding, or of the step. */
  readonly id: string;
  readonly account: string;
  readonly requestId?: string;
  readonly kind: FindingKind | Step['kind'] | 'unknown';
  /** A sentence that says what to do. */
  readonly reason: string;
}

/** What a repair would do, before it is cut into parts. */
export interface Draft {
  /** In the order in which they are applied. Those of one request stand together, and are never parted. */
  readonly groups: readonly (readonly Step[])[];
  readonly answered: number;
  readonly left: readonly LeftLine[];
  /** Steps of a part, where somebody asked for so many. */
  readonly partSteps?: number;
  /** What the rows of an import come to. */
  readonly entries?: EntryCounts;
}

/**
 * Findings, or steps of a repair, that one plan is made of: what a function holds in memory and looks up well within its
 * time. More are repaired by days, or kind by kind.
 */
export const PLANNED_MAX = 50_000;

/** There is more to be planned than one plan takes. */
export class PlanTooLargeError extends Error {
  override name = 'PlanTooLargeError';
}

/** Requests planned at once: hides the network's latency and leaves throughput to those who charge. */
export const REQUESTS_AT_ONCE = 8;

/** Steps in one part: what is posted in under a minute, so that a part that is done again costs little. */
const PART_STEPS = 200;

/**
 * Divides a plan into parts of whole requests. Balances that are set come first: each is set only while its figures are
 * what they were, and every transfer of the account moves them.
 */
export function partsOf({ groups: planned, partSteps = PART_STEPS }: Pick<Draft, 'groups' | 'partSteps'>): Step[][] {
  const isBalance = ([first]: readonly Step[]) => first?.kind === 'rebalance';
  const groups = [...planned.filter(isBalance), ...planned.filter((group) => !isBalance(group))];
  const parts: Step[][] = [];
  let part: Step[] = [];
  for (const group of groups) {
    if (part.length > 0 && part.length + group.length > partSteps) {
      parts.push(part);
      part = [];
    }
    part.push(...group);
  }
  return part.length > 0 ? [...parts, part] : parts;
}

/**
 * What an approval is bound to: which repair of what, and the digest of every part. The parts are files of lines, which
 * say all that would be posted, so that nobody needs more than SHA-256 to check it.
 */
export function hashOf(repair: { readonly id: string; readonly source: string }, parts: readonly string[]): string {
  return sha256(canonicalJson({ ...repair, parts: [...parts] }));
}

/** Hours for which a plan may be applied: as long as its approval can be waited for (config/approvals.ts). What it was planned from is read again before. */
const PLAN_HOURS = 72;

export function goodUntil(plannedAt: Instant): Instant {
  return new Date(Date.parse(plannedAt) + PLAN_HOURS * 3_600_000).toISOString();
}
