import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { AwsError, type InvokeFunction, type Place } from '../resources.ts';
import type { Permission } from './iam.ts';

/** Lambda's limits for an invocation's payload. */
const requestBytesMax = 6 * 1024 * 1024;
const eventBytesMax = 1024 * 1024;

export interface InvokeOptions {
  readonly place: Place;
  readonly invoke: InvokeFunction;
  /** Takes an `Event` invocation; without it the function is run once and its outcome is nobody's concern. */
  readonly invokeAsync?: ((functionNameOrArn: string, payload: string) => void) | undefined;
  readonly authorize: (needed: Permission) => void;
}

/** Answers `POST /2015-03-31/functions/{name}/invocations`, the one Lambda call that is served. */
export async function handleInvoke(
  { place, invoke, invokeAsync, authorize }: InvokeOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path = '', query] = request.url?.split('?') ?? [];
  const [, encodedName] = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(path) ?? [];
  if (encodedName === undefined || request.method !== 'POST') {
    throw new AwsError('UnknownOperationException', 'The local Lambda serves Invoke only.', 404);
  }
  const { name, qualifier = new URLSearchParams(query).get('Qualifier') } = readName(decodeURIComponent(encodedName));
  const functionArn = `arn:aws:lambda:${place.region}:${place.accountId}:function:${name}`;
  // A version or an alias has an ARN and permissions of its own, and runs the one function that there is.
  authorize({ action: 'lambda:InvokeFunction', resourceArn: qualifier ? `${functionArn}:${qualifier}` : functionArn });
  const payload = await text(request);
  const type = request.headers['x-amz-invocation-type'] ?? 'RequestResponse';
  const bytesMax = type === 'Event' ? eventBytesMax : requestBytesMax;
  if (Buffer.byteLength(payload) > bytesMax) {
    throw new AwsError('RequestEntityTooLargeException', `The payload of a ${type} may have ${bytesMax} bytes.`, 413);
  }
  if (type === 'DryRun') {
    response.writeHead(204).end();
  } else if (type === 'Event') {
    if (invokeAsync === undefined) invoke(functionArn, payload).catch(() => {});
    else invokeAsync(functionArn, payload);
    response.writeHead(202).end();
  } else {
    const result = await invoke(functionArn, payload);
    response.setHeader('x-amz-executed-version', '$LATEST');
    if (result.functionError !== undefined) response.setHeader('x-amz-function-error', result.functionError);
    response.writeHead(200, { 'content-type': 'application/json' }).end(result.payload);
  }
}

/** Callers may give a name, `account:function:name` or an ARN, each with a version or an alias after it. */
function readName(given: string): { name: string; qualifier?: string | undefined } {
  const whole = /^(?:arn:aws:lambda:[^:]*:)?(?:\d{12}:)?(?:function:)?([^:]+)(?::([^:]+))?$/;
  const [, name = given, qualifier] = whole.exec(given) ?? [];
  return { name, qualifier };
}
