import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createChainVerifier } from '../../domain/audit.ts';
import { chainHead, readChain, SEQUENCE_MAX, sha256 } from '../../store/audit.ts';
import { described } from './calls.ts';
import { ALL_FAULTS, type Fault } from './chaos.ts';
import type { Engine } from './dynamodb/engine.ts';
import { OPERATIONS } from './dynamodb/tables.ts';
import { InvariantError, must } from './invariant.ts';
import { reconcile } from './reconciling.ts';
import { createService } from './service.ts';
import { createSimulation, type Simulation } from './simulation.ts';
import { checkBalances, checkSwept } from './truth.ts';
import { begin, live } from './workload/clients.ts';
import { repair } from './workload/repairing.ts';
import { createWorld, type World } from './world.ts';

/** One run: everything that happens in it follows from this. */
export interface RunOptions {
  readonly seed: number;
  /** Calls of the API after which nobody begins anything new. */
  readonly operations: number;
  readonly faults?: readonly Fault[];
  /** Whether what is found at the end is repaired; left out, the seed says. */
  readonly isRepaired?: boolean;
  readonly sabotage?: (engine: Engine) => Engine;
}

export interface Outcome {
  readonly operations: number;
  readonly events: number;
  /** SHA-256 over all that happened. */
  readonly digest: string;
  readonly findings: number;
  /** Steps of repairs that were posted. */
  readonly repaired: number;
  readonly violation?: { readonly invariant: string; readonly message: string; readonly last: readonly string[] };
}

/** Events after which a run goes round in circles. */
const EVENTS_MAX = 4_000_000;
const EVENTS_OF_OPERATION_MAX = 200;

/** Lives through a run, and says what of its invariants did not hold. Any other fault of it is thrown. */
export async function simulate({
  seed,
  operations,
  faults = ALL_FAULTS,
  sabotage,
  ...options
}: RunOptions): Promise<Outcome> {
  const world = createWorld({ seed, faults: new Set(faults), ...(sabotage && { sabotage }) });
  const simulation = createSimulation(world, createService(world));
  const { scheduler, trace } = world;
  const drawn = world.random.chance(REPAIRED);
  const eventsMax = EVENTS_MAX + EVENTS_OF_OPERATION_MAX * operations;
  let [isOver, findings] = [false, 0];
  const story = tell(simulation, operations, options.isRepaired ?? drawn).then((found) => {
    [isOver, findings] = [true, found];
  });
  story.catch(scheduler.fail);
  const outcome = () => ({
    operations: simulation.operations,
    events: scheduler.events,
    digest: trace.digest(),
    findings,
    repaired: simulation.repaired,
  });
  try {
    await scheduler.run(() => {
      must(scheduler.events < eventsMax, 'a run comes to its end', () => `${scheduler.events} events have happened.`);
      return isOver;
    });
    return outcome();
  } catch (error) {
    const invariant = error instanceof InvariantError ? error.invariant : `no fault: ${(error as Error).name}`;
    const message = error instanceof InvariantError ? error.message : String((error as Error).stack);
    return { ...outcome(), violation: { invariant, message, last: trace.last() } };
  }
}

/** @returns how many findings there were at the end. */
async function tell(simulation: Simulation, operations: number, isRepaired: boolean): Promise<number> {
  const { world, told } = simulation;
  await begin(simulation);
  const sweeping = sweepAgainAndAgain(simulation);
  await live(simulation, operations);
  await emptied(simulation);
  await world.scheduler.sleep(EXPIRED_MS);
  sweeping.stop();
  await world.scheduler.sleep(SETTLED_MS);
  told.check();
  await checkBulks(simulation);
  checkBalances(world);
  checkSwept(world);
  const findings = await reconcile(simulation, 'end');
  if (isRepaired) await repair(simulation, 'end', findings);
  await checkChain(world);
  return findings.length;
}

/** Of so many runs, what is found at the end is repaired: each takes several reconciliations. */
const REPAIRED = 0.08;

/** Milliseconds in which most of what is held expires, and is swept. */
const EXPIRED_MS = 12 * 60_000;
/** Milliseconds in which indexes come up to their tables, and calls arrive that were given up. */
const SETTLED_MS = 20_000;
const SWEEP_MS = 60_000;

function sweepAgainAndAgain({ world: { scheduler }, service }: Simulation): { stop(): void } {
  let isOn = true;
  const sweep = async () => {
    await scheduler.sleep(SWEEP_MS);
    while (isOn) {
      const invoked = await service.sweep.invoke((handler) => handler({}));
      if (invoked.kind === 'failed' && invoked.error.name !== 'StoreUnavailableError') throw invoked.error;
      await scheduler.sleep(SWEEP_MS);
    }
  };
  sweep().catch(scheduler.fail);
  return {
    stop() {
      isOn = false;
    },
  };
}

/** Until all that was handed in was worked through. */
async function emptied({ world: { scheduler }, service }: Simulation): Promise<void> {
  for (let left = 500; service.queue.waiting > 0; left -= 1) {
    must(left > 0, 'what was handed in is worked through', () => `${service.queue.waiting} messages are left.`);
    await scheduler.sleep(30_000);
  }
}

/** Whatever a bulk says was posted is there. */
async function checkBulks(simulation: Simulation): Promise<void> {
  for (const bulkId of simulation.known.bulks) {
    const request = { params: { bulkId }, query: { limit: '1000' } };
    const { answer } = await simulation.send('operations', 'GET /v1/bulk/{bulkId}', request);
    must(answer.body.status === 'done', 'what was handed in is worked through', () => JSON.stringify(answer.body));
    for (const { id = '', result } of answer.body.results as { id?: string; result: string }[]) {
      if (result === 'created' || result === 'replayed') simulation.told.transfer(id);
    }
  }
}

/** The chain of audit records, verified by the code that verifies it. */
async function checkChain({ engine, scheduler }: World): Promise<void> {
  const send = async (command: object) => {
    const { name, input } = described(command);
    return engine.perform(name, input);
  };
  const store = { client: { send } as unknown as DynamoDBClient, operationsTable: OPERATIONS };
  const now = new Date(scheduler.now()).toISOString();
  const verifier = createChainVerifier({ digest: sha256, now, anchors: [await chainHead(store)] });
  for await (const record of readChain(store, 1, SEQUENCE_MAX)) verifier.next(record);
  const fault = verifier.end();
  must(fault === undefined, 'the audit chain is whole', () => JSON.stringify(fault));
}
