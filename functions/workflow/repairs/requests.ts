import type { Step } from '../../../domain/repairs/steps.ts';

/** Steps by request, in the order in which each is first met; a balance that is set is one of its own. */
export function byRequest(steps: readonly Step[]): Step[][] {
  const keyOf = (step: Step) => JSON.stringify(step.kind === 'rebalance' ? [step.id] : [step.account, step.requestId]);
  return [...Map.groupBy(steps, keyOf).values()];
}
