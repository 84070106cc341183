import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { FindingLine } from '../../../domain/reconciliation/findings.ts';
import { REPAIR_KINDS } from '../../../domain/repairs/decisions.ts';
import { decideApproval } from '../../../store/approvals.ts';
import { getRepair, type Repair } from '../../../store/repairs.ts';
import { described } from '../calls.ts';
import { OPERATIONS } from '../dynamodb/tables.ts';
import { must } from '../invariant.ts';
import { reconcile } from '../reconciling.ts';
import { kindOf, type Simulation } from '../simulation.ts';

/** What was found is planned, approved, applied and perhaps taken back; each time the books must be what they are said to be. */

const PLAN = 'POST /v1/repairs';
const APPLY = 'POST /v1/repairs/{repairId}/apply';
const ROLL_BACK = 'POST /v1/repairs/{repairId}/rollback';

export async function repair(simulation: Simulation, runId: string, findings: readonly FindingLine[]): Promise<void> {
  const { random } = simulation.world;
  const decisions = Object.fromEntries(
    findings.flatMap((finding) => {
      const decision = decisionOf(finding);
      return decision !== undefined && random.chance(0.7) ? [[finding.id, decision]] : [];
    }),
  );
  const body = { id: 'fix', runId, kinds: [...REPAIR_KINDS], decisions };
  const before = await carriedOut(simulation, 'fix', PLAN, { body });
  must(before.status !== 'stale', 'a plan holds while nobody moves the books', () => JSON.stringify(before));
  const left = await reconcile(simulation, 'repaired');
  must(
    before.status !== 'applied' || before.counts?.posted === 0 || left.length < findings.length,
    'a repair repairs',
    () => {
      return `${left.length} of ${findings.length} findings are left after ${JSON.stringify(before.counts)}.`;
    },
  );
  if (before.status !== 'applied') return;
  const undone = await carriedOut(simulation, 'undo', ROLL_BACK, { params: { repairId: 'fix' }, body: { id: 'undo' } });
  must(undone.status !== 'stale', 'a plan holds while nobody moves the books', () => JSON.stringify(undone));
  await reconcile(simulation, 'restored');
}

function decisionOf({ kind, evidence }: FindingLine): string | undefined {
  if (kind === 'unexpected') return 'reverse';
  const [first] = evidence;
  return kind === 'conflicting-evidence' && first !== undefined ? `evidence:${first.fingerprint}` : undefined;
}

/**
 * Attempts at planning and at applying; each may die anywhere. Checking a plan asks the tables hundreds of things, so in an
 * evening that kills one call of three hundred, one attempt of ten or twenty gets through.
 */
const ATTEMPTS_MAX = 300;
/** Milliseconds after which an execution that said nothing has ended. */
const SILENT_MS = 45 * 60_000;

/** Has a repair planned, approved and applied, and each of them again as long as it fails. */
async function carriedOut(
  simulation: Simulation,
  id: string,
  route: string,
  request: { readonly body: object; readonly params?: Record<string, string> },
): Promise<Repair> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const known = await look(simulation, id);
    const { status, plan, approval } = known ?? { status: 'requested' };
    if (known !== undefined && (status === 'applied' || status === 'nothing-to-do' || status === 'stale')) {
      simulation.repaired += known.counts?.posted ?? 0;
      return known;
    }
    if (plan === undefined) {
      await asked(simulation, route, request, []);
    } else {
      if (approval !== undefined) await approve(simulation, approval, plan.hash);
      const takeOver = status === 'applying' ? { takeOver: true } : {};
      await asked(simulation, APPLY, { params: { repairId: id }, body: { hash: plan.hash, ...takeOver } }, [
        'repair-state',
      ]);
    }
    await settled(simulation, id);
  }
  must(false, 'what passes does pass', () => `The repair ${id} was not carried out in ${ATTEMPTS_MAX} attempts.`);
}

async function asked(
  simulation: Simulation,
  route: string,
  request: object,
  refusals: readonly string[],
): Promise<void> {
  const { answer } = await simulation.send('operations', route, request);
  const isKnown = answer.status < 300 || refusals.includes(kindOf(answer));
  must(isKnown, 'answers are those of the contract', () => `${route} ${JSON.stringify(answer)}`);
}

/** Until nothing is being planned or applied, or whoever did has been silent for long. */
async function settled(simulation: Simulation, id: string): Promise<void> {
  const { scheduler } = simulation.world;
  for (let waited = 0; waited < SILENT_MS; waited += 10_000) {
    await scheduler.sleep(10_000);
    const known = await look(simulation, id);
    if (known !== undefined && !['requested', 'planning', 'applying'].includes(known.status)) return;
  }
}

/** The repair as it stands, by a look that nothing befalls. */
function look({ world: { engine } }: Simulation, id: string): Promise<Repair | undefined> {
  const send = async (command: object) => {
    const { name, input } = described(command);
    return engine.perform(name, input);
  };
  return getRepair({ client: { send } as unknown as DynamoDBClient, operationsTable: OPERATIONS }, id);
}

/** A second person consents, again and again until it is heard. */
async function approve(simulation: Simulation, approval: string, hash: string): Promise<void> {
  const { service, world } = simulation;
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const at = new Date(world.scheduler.now()).toISOString();
    const decision = { verdict: 'approved', hash, by: 'second', at } as const;
    const invoked = await service.second.invoke((store) =>
      decideApproval(store, approval, decision, async () => false),
    );
    if (invoked.kind === 'answered') return;
    await world.scheduler.sleep(1_000);
  }
}
