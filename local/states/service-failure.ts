import { AwsError } from '../resources.ts';
import { StateFailure } from './failure.ts';
import { isObject } from './json.ts';
import type { Resource } from './resource.ts';

/** Where AWS's names of services in errors differ from "first letter large". */
const OPTIMIZED_PREFIX = new Map([
  ['dynamodb', 'DynamoDB'],
  ['sqs', 'SQS'],
  ['sns', 'SNS'],
  ['states', 'StepFunctions'],
]);
const SDK_PREFIX = new Map([
  ['dynamodb', 'DynamoDb'],
  ['eventbridge', 'EventBridge'],
]);

/** The exception that an optimized integration reports when the service's own list of exceptions has no such one. */
const BASE_EXCEPTION = new Map([
  ['lambda', 'AWSLambdaException'],
  ['states', 'AWSStepFunctionsException'],
]);

/** Refusals that come before the service itself looks at the call, so that no service lists them. */
const UNLISTED = new Set(['AccessDenied', 'AccessDeniedException', 'UnrecognizedClientException', 'ExpiredToken']);

/**
 * Why a service call failed, in the names that `Retry` and `Catch` use: `Lambda.TooManyRequestsException`,
 * `DynamoDb.ConditionalCheckFailedException`... A refused permission arrives as the service's base exception
 * (`Lambda.AWSLambdaException`, `S3.S3Exception`) with `AccessDenied` in its cause, as it does on AWS.
 */
export function serviceFailure(resource: Pick<Resource, 'service' | 'integration'>, error: unknown): StateFailure {
  if (error instanceof StateFailure) return error;
  if (!(error instanceof AwsError)) {
    return error instanceof Error
      ? new StateFailure(error.name, error.message)
      : new StateFailure('States.TaskFailed', String(error));
  }
  const prefix = prefixOf(resource);
  const name = UNLISTED.has(error.name) ? baseException(resource, prefix) : withSuffix(error.name);
  const cause = `${error.message} (Service: ${prefix}; Status Code: ${error.status}; Error Code: ${error.name})`;
  return new StateFailure(`${prefix}.${name}`, cause);
}

/**
 * The payload of a function's answer.
 *
 * @throws StateFailure with the `errorType` of a function that threw, its whole payload as the cause.
 */
export function functionPayload(answer: unknown): unknown {
  const { Payload: given = 'null', FunctionError: functionError } = isObject(answer) ? answer : {};
  const payload: unknown = typeof given === 'string' ? JSON.parse(given === '' ? 'null' : given) : given;
  if (functionError === undefined) return payload;
  const errorType = isObject(payload) && typeof payload.errorType === 'string' ? payload.errorType : 'Lambda.Unknown';
  throw new StateFailure(errorType, JSON.stringify(payload));
}

function prefixOf({ service, integration }: Pick<Resource, 'service' | 'integration'>): string {
  const known = (integration === 'aws-sdk' ? SDK_PREFIX : OPTIMIZED_PREFIX).get(service);
  return known ?? `${service.charAt(0).toUpperCase()}${service.slice(1)}`;
}

function baseException({ service, integration }: Pick<Resource, 'service' | 'integration'>, prefix: string): string {
  if (integration === 'aws-sdk') return `${prefix}Exception`;
  return BASE_EXCEPTION.get(service) ?? `Amazon${prefix}Exception`;
}

function withSuffix(name: string): string {
  return name.endsWith('Exception') ? name : `${name}Exception`;
}
