import type { StateFailure } from './failure.ts';
import { HEARTBEAT_TIMEOUT, TIMEOUT } from './failure.ts';
import type { Trail } from './history.ts';
import type { Resource } from './resource.ts';

/** What the history tells of a task between entering and leaving its state. */
export interface TaskEvents {
  scheduled(parameters: string, limits: TaskLimits): void;
  submitted(output: string): void;
  succeeded(output: string): void;
  failed(failure: StateFailure): void;
}

/** In seconds; undefined for none. */
export interface TaskLimits {
  readonly timeout: number | undefined;
  readonly heartbeat: number | undefined;
}

export function taskEvents(trail: Trail, resource: Resource, arn: string, region: string): TaskEvents {
  return resource.integration === 'function' ? functionEvents(trail, arn) : integrationEvents(trail, resource, region);
}

function integrationEvents(trail: Trail, resource: Resource, region: string): TaskEvents {
  const about = {
    resourceType: resource.integration === 'aws-sdk' ? `aws-sdk:${resource.service}` : resource.service,
    resource: resource.waitsForTaskToken ? `${resource.action}.waitForTaskToken` : resource.action,
  };
  return {
    scheduled(parameters, { timeout, heartbeat }) {
      trail.record('TaskScheduled', {
        ...about,
        region,
        parameters,
        ...(timeout === undefined ? {} : { timeoutInSeconds: timeout }),
        ...(heartbeat === undefined ? {} : { heartbeatInSeconds: heartbeat }),
      });
      trail.record('TaskStarted', about);
    },
    submitted: (output) => trail.record('TaskSubmitted', { ...about, output }),
    succeeded: (output) => trail.record('TaskSucceeded', { ...about, output }),
    failed: (failure) => trail.record(`Task${endingOf(failure)}`, { ...about, ...whyOf(failure) }),
  };
}

/** A Task whose Resource is a function's ARN has events of its own kind. */
function functionEvents(trail: Trail, arn: string): TaskEvents {
  return {
    scheduled(input, { timeout }) {
      const limit = timeout === undefined ? {} : { timeoutInSeconds: timeout };
      trail.record('LambdaFunctionScheduled', { resource: arn, input, ...limit });
      trail.record('LambdaFunctionStarted');
    },
    submitted: () => undefined,
    succeeded: (output) => trail.record('LambdaFunctionSucceeded', { output }),
    failed: (failure) => trail.record(`LambdaFunction${endingOf(failure)}`, whyOf(failure)),
  };
}

/** An error and its cause as every event that tells of a failure has them. */
export function whyOf({ error, reason: cause }: Pick<StateFailure, 'error' | 'reason'>): {
  error?: string;
  cause?: string;
} {
  return { ...(error === undefined ? {} : { error }), ...(cause === undefined ? {} : { cause }) };
}

function endingOf({ error }: StateFailure): 'TimedOut' | 'Failed' {
  return error === TIMEOUT || error === HEARTBEAT_TIMEOUT ? 'TimedOut' : 'Failed';
}
