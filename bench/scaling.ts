import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What AWS lets a table be read, unless a raise is asked for: read units a second of an on-demand table, and of one
 * partition of it. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
 */
const TABLE_READ_UNITS = 40_000;
const PARTITION_READ_UNITS = 3_000;

export const SCALING_MODEL = `a model: each worker compares as many pairs as one whole core here, as many at once as the workflow says, until the books' read units a second reach what AWS gives a table unless asked (${TABLE_READ_UNITS}; both books in one, to be on the safe side); a day of one account in one shard is one partition (${PARTITION_READ_UNITS})`;

/** How fast many workers are, by what a pair takes, and what stops there being more of them. */
export function scalingOf(pairs: number, each: { readonly readUnits: number; readonly cpuSeconds: number }) {
  const workers = workersOfWorkflow();
  const perWorker = 1 / each.cpuSeconds;
  const tableLimit = TABLE_READ_UNITS / each.readUnits;
  const perSecond = Math.min(workers * perWorker, tableLimit);
  return {
    minutes: pairs / perSecond / 60,
    workers,
    'pairs per second of a worker': perWorker,
    'pairs per second of all': perSecond,
    'pairs per second that a table gives': tableLimit,
    'workers that a table feeds': tableLimit / perWorker,
    'pairs per second of one shard of an account': PARTITION_READ_UNITS / each.readUnits,
  };
}

/** As many as the workflow has slices compared at once. */
function workersOfWorkflow(): number {
  const file = join(import.meta.dirname, '..', 'statemachines', 'reconcile.asl.json');
  const found = /"MaxConcurrency": (\d+)/.exec(readFileSync(file, 'utf8'))?.[1];
  if (found === undefined) throw new Error('The workflow does not say how many slices it compares at once.');
  return Number(found);
}
