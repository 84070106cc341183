import { AwsError } from '../resources.ts';
import { checkName, optionalText, parseJson, requestOf, requiredArn, requiredText } from './api-input.ts';
import type { Machine } from './definition.ts';
import { executionDetails, executionItem, isRedrivable, mapRunDetails, mapRunItem } from './describe.ts';
import { redriveExecution } from './execution-run.ts';
import type { Execution, MapRun } from './executions.ts';
import { ExecutionInterrupted } from './failure.ts';
import { epochSeconds } from './history.ts';
import type { JsonObject } from './json.ts';
import { pageOf } from './paging.ts';
import type { Runtime } from './runtime.ts';

export interface RegisteredMachine {
  readonly sequence: number;
  readonly name: string;
  readonly arn: string;
  readonly roleArn: string;
  readonly definition: string;
  readonly machine: Machine;
  readonly createdAt: Date;
}

/** An operation of the Step Functions API: the request's JSON in, the answer's JSON out. */
export type Operation = (request: JsonObject) => unknown;

/** The Step Functions API (JSON 1.0) by operation name. Times are seconds since 1970; errors are AwsErrors. */
export function createApi(
  runtime: Runtime,
  machines: ReadonlyMap<string, RegisteredMachine>,
): (operation: string, input: unknown) => Promise<unknown> {
  const operations = new Map<string, Operation>([
    ...Object.entries(machineOperations(machines)),
    ...Object.entries(executionOperations(runtime, machines)),
    ...Object.entries(mapRunOperations(runtime)),
    ...Object.entries(taskOperations(runtime)),
  ]);
  return async (name, input) => {
    const operation = operations.get(name);
    if (operation === undefined) {
      throw new AwsError('UnknownOperationException', `Step Functions' ${name} is not served here.`);
    }
    return operation(requestOf(input));
  };
}

type Machines = ReadonlyMap<string, RegisteredMachine>;

function machineOperations(machines: Machines): Record<string, Operation> {
  const item = ({ arn, name, createdAt }: RegisteredMachine) => ({
    stateMachineArn: arn,
    name,
    type: 'STANDARD',
    creationDate: epochSeconds(createdAt),
  });
  return {
    ListStateMachines(request) {
      const { page, ...more } = pageOf([...machines.values()], ({ sequence }) => sequence, request);
      return { stateMachines: page.map(item), ...more };
    },
    DescribeStateMachine(request) {
      const machine = findMachine(machines, requiredArn(request, 'stateMachineArn'));
      const { definition, roleArn } = machine;
      return {
        ...item(machine),
        status: 'ACTIVE',
        definition,
        roleArn,
        loggingConfiguration: { level: 'OFF', includeExecutionData: false },
        tracingConfiguration: { enabled: false },
      };
    },
  };
}

function executionOperations(runtime: Runtime, machines: Machines): Record<string, Operation> {
  const find = (request: JsonObject) => findExecution(runtime, request);
  return {
    StartExecution: (request) => start(runtime, machines, request),
    DescribeExecution: (request) => executionDetails(find(request)),
    ListExecutions(request) {
      const { page, ...more } = pageOf(listed(runtime, machines, request), ({ sequence }) => sequence, request);
      return { executions: page.map(executionItem), ...more };
    },
    GetExecutionHistory(request) {
      const execution = find(request);
      if (execution.child?.express) {
        throw new AwsError('InvalidArn', `Invalid Arn: '${execution.arn}' is an express execution and has no history.`);
      }
      const events = request.reverseOrder === true ? execution.events.toReversed() : execution.events;
      const { page, ...more } = pageOf(events, ({ id }) => id, request);
      return { events: page, ...more };
    },
    async StopExecution(request) {
      const execution = find(request);
      const why = [optionalText(request, 'error'), optionalText(request, 'cause')] as const;
      if (execution.status === 'RUNNING') execution.halt.abort(new ExecutionInterrupted('ABORTED', ...why));
      await execution.ended;
      return { stopDate: epochSeconds(execution.stoppedAt ?? runtime.clock.now()) };
    },
    RedriveExecution(request) {
      const execution = find(request);
      if (!isRedrivable(execution)) {
        const reason = `Execution is ${execution.status} and cannot be redriven.`;
        throw new AwsError('ExecutionNotRedrivable', reason);
      }
      return { redriveDate: epochSeconds(redriveExecution(runtime, execution)) };
    },
  };
}

function mapRunOperations(runtime: Runtime): Record<string, Operation> {
  return {
    ListMapRuns(request) {
      const { arn } = findExecution(runtime, request);
      const runs = [...runtime.executions.mapRuns.values()].map((mapRun, index) => ({ mapRun, number: index }));
      const own = runs.filter(({ mapRun }) => mapRun.executionArn === arn).toReversed();
      const { page, ...more } = pageOf(own, ({ number }) => number, request);
      return { mapRuns: page.map(({ mapRun }) => mapRunItem(mapRun)), ...more };
    },
    DescribeMapRun: (request) => mapRunDetails(findMapRun(runtime, requiredArn(request, 'mapRunArn'))),
  };
}

function taskOperations({ tokens }: Runtime): Record<string, Operation> {
  return {
    SendTaskSuccess(request) {
      const output = parseJson(requiredText(request, 'output'), 'output', 'InvalidOutput');
      tokens.succeed(requiredText(request, 'taskToken'), output);
      return {};
    },
    SendTaskFailure(request) {
      tokens.fail(requiredText(request, 'taskToken'), optionalText(request, 'error'), optionalText(request, 'cause'));
      return {};
    },
    SendTaskHeartbeat(request) {
      tokens.heartbeat(requiredText(request, 'taskToken'));
      return {};
    },
  };
}

/** A second start with the name and input of a running execution gives that one; any other second start is refused. */
function start(runtime: Runtime, machines: Machines, request: JsonObject): unknown {
  const {
    name: machineName,
    arn: stateMachineArn,
    roleArn,
    machine,
  } = findMachine(machines, requiredArn(request, 'stateMachineArn'));
  const name = checkName(optionalText(request, 'name') ?? runtime.newId());
  const input = parseJson(optionalText(request, 'input') ?? '{}', 'input', 'InvalidExecutionInput');
  const arn = `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
  const same = runtime.executions.byArn.get(arn);
  if (same !== undefined && (same.status !== 'RUNNING' || JSON.stringify(same.input) !== JSON.stringify(input))) {
    throw new AwsError('ExecutionAlreadyExists', `Execution Already Exists: '${arn}'`);
  }
  const execution =
    same ??
    runtime.startExecution({
      arn,
      name,
      stateMachineArn,
      stateMachineName: machineName,
      roleArn,
      flow: machine,
      timeoutSeconds: machine.TimeoutSeconds,
      input,
    });
  return { executionArn: arn, startDate: epochSeconds(execution.startedAt) };
}

/** A machine's executions, or a Map Run's; the newest first. */
function listed(runtime: Runtime, machines: Machines, request: JsonObject): readonly Execution[] {
  const status = optionalText(request, 'statusFilter');
  const all = [...runtime.executions.byArn.values()].toReversed();
  const ofStatus = all.filter((execution) => status === undefined || execution.status === status);
  if (request.mapRunArn !== undefined) {
    const { arn } = findMapRun(runtime, requiredArn(request, 'mapRunArn'));
    return ofStatus.filter(({ child }) => child?.mapRunArn === arn);
  }
  const machine = findMachine(machines, requiredArn(request, 'stateMachineArn'));
  return ofStatus.filter(({ stateMachineArn }) => stateMachineArn === machine.arn);
}

function findMachine(machines: Machines, arn: string): RegisteredMachine {
  const machine = machines.get(arn);
  if (machine !== undefined) return machine;
  throw new AwsError('StateMachineDoesNotExist', `State Machine Does Not Exist: '${arn}'`);
}

/** @throws AwsError `ExecutionDoesNotExist` */
export function findExecution(runtime: Runtime, request: JsonObject): Execution {
  const arn = requiredArn(request, 'executionArn');
  const execution = runtime.executions.byArn.get(arn);
  if (execution !== undefined) return execution;
  throw new AwsError('ExecutionDoesNotExist', `Execution Does Not Exist: '${arn}'`);
}

function findMapRun(runtime: Runtime, arn: string): MapRun {
  const mapRun = runtime.executions.mapRuns.get(arn);
  if (mapRun !== undefined) return mapRun;
  throw new AwsError('ResourceNotFound', `Resource not found: '${arn}'`);
}
