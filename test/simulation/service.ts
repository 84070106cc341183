import { chart } from '../../config/chart.ts';
import { makeHandler as makeLedger } from '../../functions/api/ledger.ts';
import { makeHandler as makeOperations, type OperationsDeps } from '../../functions/api/operations.ts';
import { makeHandler as makeUsage } from '../../functions/api/usage.ts';
import { makeHandler as makePoster } from '../../functions/events/post-bulk.ts';
import { createSettingsCache } from '../../functions/runtime/settings.ts';
import { makeHandler as makeSweep } from '../../functions/workflow/sweep-expired.ts';
import { USAGE } from './dynamodb/tables.ts';
import { createFleet, type Fleet } from './fleet.ts';
import type { Instance } from './instances.ts';
import { createMachines, type Machines } from './machines.ts';
import { s3Client } from './objects.ts';
import { createQueue, type Queue } from './queue.ts';
import { operationsOf, storeOf } from './stores.ts';
import type { World } from './world.ts';

/** The functions of the service, each with the dependencies that it has when it is deployed. */
export interface Service {
  readonly ledger: Fleet<ReturnType<typeof makeLedger>>;
  readonly usage: Fleet<ReturnType<typeof makeUsage>>;
  readonly operations: Fleet<ReturnType<typeof makeOperations>>;
  readonly sweep: Fleet<ReturnType<typeof makeSweep>>;
  /** The store in the hands of a second person, whose key is known. */
  readonly second: Fleet<ReturnType<typeof operationsOf>>;
  readonly queue: Queue;
  readonly machines: Machines;
}

export function createService(world: World): Service {
  const poster = createFleet(world, 'post-bulk', (instance) => {
    return makePoster({ ledger: ledgerDeps(instance), bulks: operationsOf(instance) });
  });
  const queue = createQueue(world, () => poster);
  const machines = createMachines(world);
  return {
    ledger: createFleet(world, 'ledger', (instance) => {
      return makeLedger({ ...ledgerDeps(instance), audit: operationsOf(instance) });
    }),
    usage: createFleet(world, 'usage', (instance) => {
      const { client, clock, now } = instance;
      return makeUsage({ store: { client, usageTable: USAGE, clock, seenAccounts: new Set() }, chart, now });
    }),
    operations: createFleet(world, 'operations', (instance) => {
      return makeOperations(operationsDeps(world, instance, queue, machines));
    }),
    sweep: createFleet(world, 'sweep', (instance) => {
      return makeSweep({ store: storeOf(instance), sweeps: operationsOf(instance), chart, now: instance.now });
    }),
    second: createFleet(world, 'second', operationsOf),
    queue,
    machines,
  };
}

function ledgerDeps(instance: Instance) {
  const settings = createSettingsCache(operationsOf(instance), instance.clock.now);
  return { store: storeOf(instance), settings, chart, now: instance.now };
}

function operationsDeps(world: World, instance: Instance, queue: Queue, machines: Machines): OperationsDeps {
  const operations = operationsOf(instance);
  const client = s3Client(world, instance);
  const { now, newId } = instance;
  return {
    ...{ runs: operations, repairs: operations, imports: operations, settings: operations, keys: operations },
    ...{ audit: operations, bulks: operations, sealRuns: operations },
    evidence: { client: instance.client, usageTable: USAGE },
    bulkQueue: { client: queue.client(instance), url: 'bulks' },
    artifacts: { client, bucket: 'artifacts' },
    seals: { client, bucket: 'seals' },
    dropZone: { client, bucket: 'imports' },
    workflows: machines.client(instance),
    ...machines.arns,
    ...{ chart, now, newId, stage: 'dev' },
    random: (size) => Buffer.from(Array.from({ length: size }, () => world.random.below(256))),
  };
}
