import type { FindingLine } from '../../domain/reconciliation/findings.ts';
import { must } from './invariant.ts';
import type { Simulation } from './simulation.ts';
import { expectedFindings, type Found } from './truth.ts';

/** Reconciles the whole run, and holds what was found against what was broken. @returns the findings. */
export async function reconcile(simulation: Simulation, runId: string): Promise<FindingLine[]> {
  await completed(simulation, runId);
  const lines = findingsOf(simulation, runId);
  const [found, expected] = [lines.map(nameOf).sort(), expectedFindings(simulation.world)];
  must(found.join('; ') === expected.join('; '), 'a reconciliation finds exactly what was broken', () => {
    const [more, less] = [difference(found, expected), difference(expected, found)];
    return `${runId} found and not broken: ${more.join('; ')}. Broken and not found: ${less.join('; ')}.`;
  });
  return lines;
}

/** Runs the real state machine over the days of the run, and again when it fails. */
async function completed({ world, service }: Simulation, runId: string): Promise<void> {
  const { scheduler } = world;
  const [startDate, endDate] = [world.beginning.slice(0, 10), new Date(scheduler.now()).toISOString().slice(0, 10)];
  const requestedAt = new Date(scheduler.now()).toISOString();
  const input = { trigger: 'request', runId, startDate, endDate, requestedAt };
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const execution = await service.machines.start(service.machines.arns.reconcileArn, `${runId}-${attempt}`, input);
    if ((await service.machines.ended(execution)) === 'SUCCEEDED') return;
  }
  must(false, 'what passes does pass', () => `The reconciliation ${runId} failed ${ATTEMPTS_MAX} times.`);
}

const ATTEMPTS_MAX = 20;

export function findingsOf({ world: { objects } }: Simulation, runId: string): FindingLine[] {
  const lines = (objects.get(`artifacts/reconciliations/${runId}/findings.ndjson`) ?? '').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as FindingLine);
}

function nameOf({ kind, account, requestId = '' }: FindingLine): Found {
  return `${kind} ${account} ${requestId}`;
}

function difference(some: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return some.filter((one) => {
    const place = left.indexOf(one);
    if (place >= 0) left.splice(place, 1);
    return place < 0;
  });
}
