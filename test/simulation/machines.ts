import { readFileSync } from 'node:fs';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ExecutionAlreadyExists, type SFNClient } from '@aws-sdk/client-sfn';
import { chart } from '../../config/chart.ts';
import type { ApprovalPolicy } from '../../domain/approvals.ts';
import { makeHandler as makePart } from '../../functions/workflow/apply-repair-part.ts';
import { makeHandler as makeBackup } from '../../functions/workflow/back-up-ledger.ts';
import { makeHandler as makeFail } from '../../functions/workflow/fail-reconciliation.ts';
import { makeHandler as makeFailRepair } from '../../functions/workflow/fail-repair.ts';
import { makeHandler as makeFinish } from '../../functions/workflow/finish-repair.ts';
import { makeHandler as makePlan } from '../../functions/workflow/plan-reconciliation.ts';
import { makeHandler as makePlanRepair } from '../../functions/workflow/plan-repair.ts';
import { makeHandler as makeSlice } from '../../functions/workflow/reconcile-slice.ts';
import { makeHandler as makeSummarise } from '../../functions/workflow/summarise-reconciliation.ts';
import { makeHandler as makeTake } from '../../functions/workflow/take-repair.ts';
import { makeHandler as makeVerify } from '../../functions/workflow/verify-repair.ts';
import { createStatesEngine } from '../../local/states/engine.ts';
import type { ServiceCall } from '../../local/states/runtime.ts';
import { readSettings } from '../../store/settings.ts';
import { sweptUntil } from '../../store/sweeps.ts';
import { LEDGER, USAGE } from './dynamodb/tables.ts';
import { createFleet } from './fleet.ts';
import type { Instance } from './instances.ts';
import { s3Client } from './objects.ts';
import { operationsOf, storeOf } from './stores.ts';
import type { World } from './world.ts';

/** The real state machines on their interpreter, with the functions that they call. */
export interface Machines {
  readonly arns: { readonly reconcileArn: string; readonly repairArn: string; readonly sealArn: string };
  /** Starts executions for a function. */
  client(instance: Instance): SFNClient;
  start(arn: string, name: string, input: object): Promise<string>;
  /** How an execution ended, once it has. */
  ended(executionArn: string): Promise<string>;
}

const arnOf = (name: string) => `arn:aws:states:us-east-1:000000000000:stateMachine:${name}`;

export function createMachines(world: World): Machines {
  const { scheduler, chaos, random, objects } = world;
  const arns = { reconcileArn: arnOf('reconcile'), repairArn: arnOf('repair'), sealArn: arnOf('seal') };
  const functions = new Map(
    Object.entries(FUNCTIONS).map(([name, make]) => [
      name,
      createFleet(world, name, (own) => make(shared(world, own, client(own)))),
    ]),
  );
  const engine = createStatesEngine({
    place: { accountId: '000000000000', region: 'us-east-1' },
    clock: scheduler.clock,
    random: random.next,
    callService,
    log: (line) => scheduler.fail(new Error(line)),
  });
  for (const [name, arn] of [
    ['reconcile', arns.reconcileArn],
    ['repair', arns.repairArn],
  ] as const) {
    engine.register({ name, arn, roleArn: 'role', definition: definitionOf(name) });
  }

  async function callService({ service, input }: ServiceCall): Promise<unknown> {
    await scheduler.sleep(1 + random.below(20));
    if (service === 's3') return { Body: objects.get(`${input.Bucket}/${input.Key}`) };
    if (service !== 'lambda') return {};
    if (chaos.strikes('throttled')) throw named('Lambda.TooManyRequestsException', 'Rate exceeded.');
    const fleet = functions.get(String(input.FunctionName));
    if (fleet === undefined) throw new Error(`There is no function ${input.FunctionName}.`);
    // As it would arrive: by way of JSON.
    const payload = JSON.parse(JSON.stringify(input.Payload));
    const invoked = await fleet.invoke((handler) => handler(payload as never));
    if (invoked.kind === 'died') throw named('Lambda.Unknown', 'The function died.');
    if (invoked.kind === 'answered') return { StatusCode: 200, Payload: JSON.stringify(invoked.answer ?? null) };
    const { name, message } = invoked.error;
    const Payload = JSON.stringify({ errorType: name, errorMessage: message });
    return { StatusCode: 200, FunctionError: 'Unhandled', Payload };
  }

  const start = async (stateMachineArn: string, name: string, input: object): Promise<string> => {
    const asked = { stateMachineArn, name, input: JSON.stringify(input) };
    return ((await engine.handle('StartExecution', asked)) as { executionArn: string }).executionArn;
  };

  const client: Machines['client'] = (instance) =>
    ({
      send: ({ input }: { readonly input: { stateMachineArn: string; name: string; input: string } }) =>
        new Promise((resolve, reject) => {
          if (instance.isDead) return;
          if (chaos.strikes('crash')) return instance.die();
          start(input.stateMachineArn, input.name, JSON.parse(input.input)).then(resolve, (error: Error) => {
            const isThere = error.name === 'ExecutionAlreadyExists';
            reject(isThere ? new ExecutionAlreadyExists({ message: error.message, $metadata: {} }) : error);
          });
        }),
    }) as unknown as SFNClient;

  return {
    arns,
    client,
    start,
    async ended(executionArn) {
      for (;;) {
        const { status } = (await engine.handle('DescribeExecution', { executionArn })) as { status: string };
        if (status !== 'RUNNING') return status;
        await scheduler.sleep(1_000);
      }
    },
  };
}

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

type Handler = (event: never) => Promise<unknown>;

/** What the functions of both machines stand on. */
function shared(world: World, instance: Instance, workflows: SFNClient) {
  const { client, clock, now, newId } = instance;
  const operations = operationsOf(instance);
  return {
    books: { client, ledgerTable: LEDGER, usageTable: USAGE },
    // Invoices are no part of the simulation: no run of it compares them.
    invoices: { client, billingTable: 'none' },
    ...{ runs: operations, repairs: operations, ledger: storeOf(instance), workflows },
    artifacts: { client: s3Client(world, instance), bucket: 'artifacts' },
    reconcileArn: arnOf('reconcile'),
    ...{ chart, clock, now, newId },
    wait: (milliseconds: number) => world.scheduler.sleep(milliseconds),
    sweptUntil: () => sweptUntil(operations),
    readRateCards: async () => (await readSettings(operations)).rateCards,
    policy: POLICY,
    ledgerTable: LEDGER,
  };
}

type Shared = ReturnType<typeof shared>;

/** What a repair may move without a second person. */
const POLICY: ApprovalPolicy = { lifetimeHours: 72, thresholds: { TOKEN: 200n, 'USD/6': 200n } };

/** Makes backups, of which nothing but the name is asked here. */
const BACKUPS = {
  send: async () => ({ BackupDetails: { BackupArn: 'arn:aws:dynamodb:us-east-1:0:table/ledger/backup/1' } }),
} as unknown as DynamoDBClient;

const FUNCTIONS: Readonly<Record<string, (deps: Shared) => Handler>> = {
  'reconcile-plan': makePlan,
  'reconcile-slice': makeSlice,
  'reconcile-summarise': makeSummarise,
  'reconcile-fail': makeFail,
  'repair-plan': makePlanRepair,
  'repair-take': makeTake,
  'repair-part': makePart,
  'repair-backup': (deps) => makeBackup({ ...deps, client: BACKUPS }),
  'repair-verify': makeVerify,
  'repair-finish': makeFinish,
  'repair-fail': makeFailRepair,
};

const definitions = new Map<string, string>();

function definitionOf(machine: string): string {
  let definition = definitions.get(machine);
  if (definition === undefined) {
    definition = readFileSync(new URL(`../../statemachines/${machine}.asl.json`, import.meta.url), 'utf8')
      .replaceAll(/\$\{(\w+)FunctionArn\}/g, (_, part: string) => `${machine}-${part.toLowerCase()}`)
      .replaceAll(`\${ArtifactsBucket}`, 'artifacts');
    definitions.set(machine, definition);
  }
  return definition;
}
