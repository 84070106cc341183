import type { LocalAccessControl } from './access.ts';
import { type SqsEngine, type SqsInput, sqsPermission } from './engines/sqs.ts';
import { functionNameOf } from './lambda/functions.ts';
import { AwsError, type InvokeFunction, type Place } from './resources.ts';

/** A call of an AWS API in a role's name, such as `{ service: 'sqs', action: 'sendMessage', input: { QueueUrl, MessageBody } }`. */
export interface ServiceCall {
  readonly roleArn: string;
  readonly service: string;
  /** In lower camel case, as state machines write it: `startExecution`. */
  readonly action: string;
  readonly input: unknown;
}

/** @throws AwsError as the service answers it, `AccessDeniedException` when the role may not make the call */
export type CallService = (call: ServiceCall) => Promise<unknown>;

export interface ServiceCallsOptions {
  readonly place: Place;
  /** Services that are not in this process are called here. */
  readonly endpointUrl: string;
  readonly access: Pick<LocalAccessControl, 'assertAllowed' | 'credentialsOf'>;
  readonly sqs: Pick<SqsEngine, 'handle'>;
  readonly states: { handle(operation: string, input: unknown): Promise<unknown> };
  readonly invoke: InvokeFunction;
  readonly invokeAsync: (functionNameOrArn: string, payload: string) => void;
}

type SdkClient = Readonly<Record<string, ((input: unknown) => Promise<unknown>) | undefined>>;

/** How state machines, schedules and event sources reach the services: each call in the name of a role. */
export function createServiceCalls(options: ServiceCallsOptions): CallService {
  const { place, access } = options;
  const clients = new Map<string, Promise<SdkClient>>();

  function sdkClient(service: string, roleArn: string): Promise<SdkClient> {
    const key = `${service} ${roleArn}`;
    const made = clients.get(key) ?? createSdkClient(service, roleArn, options);
    clients.set(key, made);
    return made;
  }

  return async ({ roleArn, service, action, input }) => {
    if (service === 'lambda' && action === 'invoke') return invokeAs(roleArn, input as LambdaInput, options);
    const operation = `${action.charAt(0).toUpperCase()}${action.slice(1)}`;
    if (service === 'states' || service === 'sfn')
      return callStatesAs(roleArn, operation, input as StatesInput, options);
    if (service === 'sqs') {
      const needed = sqsPermission(operation, input as SqsInput, place);
      access.assertAllowed(roleArn, needed.action, needed.resourceArn);
      return options.sqs.handle(operation, input as SqsInput);
    }
    const client = await sdkClient(service, roleArn);
    const method = client[action];
    if (method === undefined) throw notServed(`${service}:${action}`);
    return method.call(client, input).catch((error: unknown) => {
      throw asAwsError(error);
    });
  };
}

interface LambdaInput {
  readonly FunctionName: string;
  readonly Payload?: unknown;
  readonly InvocationType?: 'RequestResponse' | 'Event';
}

async function invokeAs(roleArn: string, input: LambdaInput, options: ServiceCallsOptions): Promise<unknown> {
  const { region, accountId } = options.place;
  const name = functionNameOf(input.FunctionName);
  const functionArn = `arn:aws:lambda:${region}:${accountId}:function:${name}`;
  options.access.assertAllowed(roleArn, 'lambda:InvokeFunction', functionArn);
  const payload = JSON.stringify(input.Payload ?? {});
  if (input.InvocationType === 'Event') {
    options.invokeAsync(name, payload);
    return { StatusCode: 202 };
  }
  const { payload: Payload, functionError } = await options.invoke(name, payload);
  return { StatusCode: 200, Payload, ...(functionError !== undefined && { FunctionError: functionError }) };
}

interface StatesInput {
  readonly stateMachineArn?: string;
  readonly executionArn?: string;
  readonly mapRunArn?: string;
}

async function callStatesAs(
  roleArn: string,
  operation: string,
  input: StatesInput,
  { access, states }: ServiceCallsOptions,
): Promise<unknown> {
  const { stateMachineArn, executionArn, mapRunArn } = input;
  access.assertAllowed(roleArn, `states:${operation}`, stateMachineArn ?? executionArn ?? '*');
  // A Distributed Map asks whether it may start its executions; it starts them by itself.
  return mapRunArn === undefined ? states.handle(operation, input) : {};
}

/** The SDK's client for a service that has an endpoint of its own here; loaded when a call first needs it. */
async function createSdkClient(service: string, roleArn: string, options: ServiceCallsOptions): Promise<SdkClient> {
  const { place, access, endpointUrl } = options;
  const settings = {
    endpoint: endpointUrl,
    region: place.region,
    credentials: access.credentialsOf(roleArn),
    // State machines and schedules have retries of their own.
    maxAttempts: 1,
  };
  if (service === 's3') {
    const { S3 } = await import('@aws-sdk/client-s3');
    return new S3({ ...settings, forcePathStyle: true }) as unknown as SdkClient;
  }
  if (service === 'dynamodb') {
    const { DynamoDB } = await import('@aws-sdk/client-dynamodb');
    return new DynamoDB(settings) as unknown as SdkClient;
  }
  throw notServed(service);
}

function notServed(what: string): AwsError {
  return new AwsError('UnknownOperationException', `The local cloud does not serve ${what} to roles.`, 501);
}

function asAwsError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { httpStatusCode = 500 } = (error as { $metadata?: { httpStatusCode?: number } }).$metadata ?? {};
  return new AwsError(error.name, error.message, httpStatusCode);
}
