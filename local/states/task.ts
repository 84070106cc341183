import type { TaskState } from './definition.ts';
import { HEARTBEAT_TIMEOUT, RUNTIME_ERROR, StateFailure, TIMEOUT } from './failure.ts';
import { isObject, type JsonObject, payloadText } from './json.ts';
import { unexpectedType } from './query.ts';
import { type Resource, readResource } from './resource.ts';
import type { ServiceCall } from './runtime.ts';
import { functionPayload, serviceFailure } from './service-failure.ts';
import { evaluateField, evaluateNumber, type Outcome, type Step } from './step.ts';
import { type TaskEvents, type TaskLimits, taskEvents } from './task-events.ts';
import type { OpenTask } from './task-tokens.ts';
import { within } from './waiting.ts';

/** Calls the service of a Task's Resource; with `.waitForTaskToken` waits for whoever holds the token. */
export async function performTask(step: Step<TaskState>): Promise<Outcome> {
  const { state, frame } = step;
  const { runtime, trail, signal } = frame;
  const resource = readResource(state.Resource);
  if (resource === undefined) {
    throw new StateFailure(RUNTIME_ERROR, `The Resource ${state.Resource} does not run here.`);
  }
  const open = resource.waitsForTaskToken ? runtime.tokens.open() : undefined;
  const over = new AbortController();
  try {
    const call = await prepareCall(step, resource, open?.token);
    const limits: TaskLimits = {
      timeout: await evaluateNumber(step, state.TimeoutSeconds, 'TimeoutSeconds'),
      heartbeat: await evaluateNumber(step, state.HeartbeatSeconds, 'HeartbeatSeconds'),
    };
    const events = taskEvents(trail, resource, state.Resource, runtime.place.region);
    events.scheduled(payloadText(call.input, `The arguments of state "${step.name}"`), limits);
    const running = { resource, call, open, heartbeat: limits.heartbeat, events, over: over.signal };
    const result = await within(runCall(step, running), {
      clock: runtime.clock,
      signal,
      ms: limits.timeout === undefined ? undefined : limits.timeout * 1000,
      timeout: () => new StateFailure(TIMEOUT, undefined),
    }).catch((error: unknown) => {
      if (!signal.aborted && error instanceof StateFailure) events.failed(error);
      throw error;
    });
    events.succeeded(JSON.stringify(result));
    return { leaving: state, fallback: result, seen: { result }, next: state.Next };
  } finally {
    over.abort();
    open?.close();
  }
}

interface Running {
  readonly resource: Resource;
  readonly call: ServiceCall;
  readonly open: OpenTask | undefined;
  readonly heartbeat: number | undefined;
  readonly events: TaskEvents;
  /** Aborted once nobody waits for the task any more: what the call still gives then comes too late. */
  readonly over: AbortSignal;
}

async function prepareCall(step: Step<TaskState>, resource: Resource, taskToken?: string): Promise<ServiceCall> {
  const { state, frame } = step;
  const given = 'Arguments' in state;
  const value = given ? await evaluateField(step, state.Arguments, 'Arguments', { taskToken }) : step.input;
  return {
    roleArn: frame.execution.roleArn,
    service: resource.service,
    action: resource.action,
    input: resource.integration === 'function' ? { FunctionName: state.Resource, Payload: value } : objectOf(value),
    state: step.name,
    ...(taskToken === undefined ? {} : { taskToken }),
  };
}

function objectOf(value: unknown): JsonObject {
  if (isObject(value)) return value;
  throw unexpectedType('Arguments', 'object', value);
}

/** Makes the call and, for a task with a token, waits for the answer while heartbeats come in time. */
async function runCall(step: Step<TaskState>, running: Running): Promise<unknown> {
  const { open, heartbeat, events, over } = running;
  const called = callService(step, running);
  if (open === undefined) return called;
  const answered = called.then((submitted) => {
    if (!over.aborted) events.submitted(JSON.stringify(submitted));
    return open.answer;
  });
  const { clock } = step.frame.runtime;
  const beating = heartbeat === undefined ? [] : [missedHeartbeat(open, heartbeat, { clock, signal: over })];
  const result = await Promise.race([answered, ...beating]);
  payloadText(result, `The result of state "${step.name}"`);
  return result;
}

async function callService(step: Step<TaskState>, { resource, call }: Running): Promise<unknown> {
  const answer = await step.frame.runtime.callService(call).catch((error: unknown) => {
    throw serviceFailure(resource, error);
  });
  // As JSON: what a service's client gives may hold dates and fields without a value.
  const text = payloadText(resultOf(resource, answer), `The result of state "${step.name}"`);
  return JSON.parse(text);
}

function resultOf(resource: Resource, answer: unknown): unknown {
  if (resource.service !== 'lambda' || resource.action !== 'invoke' || resource.integration === 'aws-sdk') {
    return answer ?? {};
  }
  const payload = functionPayload(answer);
  if (resource.integration === 'function') return payload;
  return { ExecutedVersion: '$LATEST', StatusCode: 200, ...(isObject(answer) ? answer : {}), Payload: payload };
}

/** Rejects once no heartbeat has come for so many seconds. */
async function missedHeartbeat(
  open: OpenTask,
  seconds: number,
  { clock, signal }: Pick<Parameters<typeof within>[1], 'clock' | 'signal'>,
): Promise<never> {
  for (;;) {
    await within(open.nextHeartbeat(), {
      clock,
      signal,
      ms: seconds * 1000,
      timeout: () => new StateFailure(HEARTBEAT_TIMEOUT, undefined),
    });
  }
}
