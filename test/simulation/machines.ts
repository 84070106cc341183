import { readFileSync } from 'node:fs';
import { ExecutionAlreadyExists, type SFNClient } from '@aws-sdk/client-sfn';
import { chart } from '../../config/chart.ts';
import { makeHandler as makeFail } from '../../functions/workflow/fail-reconciliation.ts';
import { makeHandler as makePlan } from '../../functions/workflow/plan-reconciliation.ts';
import { makeHandler as makeSlice } from '../../functions/workflow/reconcile-slice.ts';
import { makeHandler as makeSummarise } from '../../functions/workflow/summarise-reconciliation.ts';
import { createStatesEngine } from '../../local/states/engine.ts';
import type { ServiceCall } from '../../local/states/runtime.ts';
import { readSettings } from '../../store/settings.ts';
import { sweptUntil } from '../../store/sweeps.ts';
import { LEDGER, USAGE } from './dynamodb/tables.ts';
import { createFleet } from './fleet.ts';
import type { Instance } from './instances.ts';
import { s3Client } from './objects.ts';
import { operationsOf } from './stores.ts';
import type { World } from './world.ts';

/** The real state machines on their interpreter, with the functions that they call. */
export interface Machines {
  readonly arns: { readonly reconcileArn: string; readonly repairArn: string; readonly sealArn: string };
  /** Starts executions for a function. */
  client(instance: Instance): SFNClient;
  start(arn: string, name: string, input: object): Promise<string>;
  /** How an execution stands. */
  status(executionArn: string): Promise<string>;
  redrive(executionArn: string): Promise<void>;
  stop(executionArn: string): Promise<void>;
}

const arnOf = (name: string) => `arn:aws:states:us-east-1:000000000000:stateMachine:${name}`;

export function createMachines(world: World): Machines {
  const { scheduler, chaos, random, objects } = world;
  const arns = { reconcileArn: arnOf('reconcile'), repairArn: arnOf('repair'), sealArn: arnOf('seal') };
  const functions = new Map(
    Object.entries(FUNCTIONS).map(([name, make]) => [name, createFleet(world, name, (own) => make(world, own))]),
  );
  const engine = createStatesEngine({
    place: { accountId: '000000000000', region: 'us-east-1' },
    clock: scheduler.clock,
    random: random.next,
    callService,
    log: (line) => scheduler.fail(new Error(line)),
  });
  engine.register({
    name: 'reconcile',
    arn: arns.reconcileArn,
    roleArn: 'role',
    definition: definitionOf('reconcile'),
  });

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

  return {
    arns,
    client: (instance) =>
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
      }) as unknown as SFNClient,
    start,
    async status(executionArn) {
      return ((await engine.handle('DescribeExecution', { executionArn })) as { status: string }).status;
    },
    async redrive(executionArn) {
      await engine.handle('RedriveExecution', { executionArn });
    },
    async stop(executionArn) {
      await engine.handle('StopExecution', { executionArn });
    },
  };
}

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

type Handler = (event: never) => Promise<unknown>;

function shared(world: World, instance: Instance) {
  const { client, now, newId } = instance;
  const operations = operationsOf(instance);
  return {
    books: { client, ledgerTable: LEDGER, usageTable: USAGE },
    runs: operations,
    artifacts: { client: s3Client(world, instance), bucket: 'artifacts' },
    ...{ chart, now, newId },
    wait: (milliseconds: number) => world.scheduler.sleep(milliseconds),
    sweptUntil: () => sweptUntil(operations),
    readRateCards: async () => (await readSettings(operations)).rateCards,
  };
}

const FUNCTIONS: Readonly<Record<string, (world: World, instance: Instance) => Handler>> = {
  'reconcile-plan': (world, instance) => makePlan(shared(world, instance)),
  'reconcile-slice': (world, instance) => makeSlice(shared(world, instance)),
  'reconcile-summarise': (world, instance) => makeSummarise(shared(world, instance)),
  'reconcile-fail': (world, instance) => makeFail(shared(world, instance)),
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
