import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { BackupInput, DynamoDbBackups } from './engines/dynamodb/backups.ts';
import { type DynamoDbInput, dynamoDbPermissions } from './engines/dynamodb/permissions.ts';
import { createDynamoDbProxy } from './engines/dynamodb/proxy.ts';
import type { Permission } from './engines/iam.ts';
import { handleInvoke } from './engines/lambda.ts';
import { verifyPresigned } from './engines/s3/presigned.ts';
import { readS3Request, s3Permissions } from './engines/s3/requests.ts';
import { writeXml } from './engines/s3/xml.ts';
import type { S3Engine } from './engines/s3.ts';
import { type SnsEngine, snsPermission } from './engines/sns.ts';
import { type SqsEngine, type SqsInput, sqsPermission } from './engines/sqs.ts';
import { readWhole } from './message-body.ts';
import { listen } from './ports.ts';
import { type AccessControl, AwsError, type InvokeFunction, type Place } from './resources.ts';

export interface Endpoint {
  /** What clients set as `AWS_ENDPOINT_URL`. */
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

export interface EndpointOptions {
  readonly place: Place;
  readonly access: AccessControl;
  readonly dynamoDbUrl: string;
  /** Answers what is asked about backups, where the engine does not. */
  readonly dynamoDbBackups?: DynamoDbBackups | undefined;
  readonly s3: S3Engine;
  readonly sqs: SqsEngine;
  /** Topics, where there are any. */
  readonly sns?: SnsEngine;
  readonly invoke: InvokeFunction;
  /** Takes `Event` invocations, which it tries again when they fail; without it they are tried once. */
  readonly invokeAsync?: (functionNameOrArn: string, payload: string) => void;
  readonly states: { handle(operation: string, input: unknown): Promise<unknown> };
  /** The loopback unless given; the endpoint does not verify who signed a request. */
  readonly host?: string;
  /** A free one unless given. */
  readonly port?: number;
  /** Decides whether a presigned URL has expired. */
  readonly now?: () => Date;
}

/** AWS keeps idle connections for long; an SDK that reuses one must not find it closed. */
const keepAliveMs = 65_000;
/** DynamoDB takes 16 MB in one request, more than any other JSON call here. */
const jsonBytesMax = 16 * 1024 * 1024;

/** What a service's answer is made from. */
interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** A role's ARN, or `administrator`. */
  readonly caller: string;
  authorize(needed: Permission): void;
}

/**
 * Serves every AWS service on one address, to any client that signs with keys that AccessControl knows. The service
 * and the caller are read from the signature's credential scope; the signature itself is verified for presigned URLs
 * only, because those leave their maker's hands.
 */
export async function startEndpoint(options: EndpointOptions): Promise<Endpoint> {
  const { place, access, s3, sqs, states, invoke, invokeAsync, now = () => new Date() } = options;
  const dynamoDb = createDynamoDbProxy(options.dynamoDbUrl, place);

  const services: Record<string, (call: Call) => Promise<void>> = {
    async dynamodb({ request, response, authorize }) {
      const { operation, target, body } = await readJsonCall(request);
      const input = parseJson<DynamoDbInput & BackupInput>(body);
      for (const needed of dynamoDbPermissions(operation, input, place)) authorize(needed);
      const answered = options.dynamoDbBackups?.handle(operation, input, place);
      if (answered === undefined) await dynamoDb.forward(target, body, response);
      else answerJson(response, answered);
    },

    async states({ request, response, authorize }) {
      const { operation, body } = await readJsonCall(request);
      const input = parseJson<StatesInput>(body);
      const resourceArn = input.stateMachineArn ?? input.executionArn ?? input.mapRunArn ?? '*';
      authorize({ action: `states:${operation}`, resourceArn });
      answerJson(response, await states.handle(operation, input));
    },

    async sqs({ request, response, authorize }) {
      const { operation, body } = await readJsonCall(request);
      const input = parseJson<SqsInput>(body);
      authorize(sqsPermission(operation, input, place));
      answerJson(response, await sqs.handle(operation, input));
    },

    async sns({ request, response, authorize }) {
      const parameters = new URLSearchParams((await readBody(request)).toString());
      authorize(snsPermission(parameters));
      if (options.sns === undefined) throw new AwsError('NotFound', 'Topic does not exist', 404);
      const answer = options.sns.handle(parameters);
      response.writeHead(200, { 'content-type': 'text/xml' }).end(answer);
    },

    async lambda({ request, response, authorize }) {
      await handleInvoke({ place, invoke, invokeAsync, authorize }, request, response);
    },

    async s3({ request, response, authorize }) {
      const s3Request = readS3Request(request.method ?? '', request.url ?? '', request.headers);
      for (const needed of s3Permissions(s3Request)) authorize(needed);
      const answer = await s3.handle(s3Request, request, authorize).catch((error: unknown) => {
        // S3 tells that a key is missing only to those who may list the bucket.
        if (error instanceof AwsError && error.name === 'NoSuchKey') {
          authorize({ action: 's3:ListBucket', resourceArn: `arn:aws:s3:::${s3Request.bucket}` });
        }
        throw error;
      });
      response.writeHead(answer.status, answer.headers);
      if (answer.body === undefined || typeof answer.body === 'string') response.end(answer.body);
      else await pipeline(answer.body, response);
    },

    async sts({ request, response, caller }) {
      const action = new URLSearchParams((await readBody(request)).toString()).get('Action');
      if (action !== 'GetCallerIdentity') throw new AwsError('InvalidAction', `STS ${action} is not served here.`);
      response.writeHead(200, { 'content-type': 'text/xml' }).end(describeCaller(caller, place));
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { accessKeyId, service, presigned } = readCredentialScope(request);
    const caller = access.roleOf(accessKeyId);
    if (caller === undefined) throw unknownKey(service, accessKeyId);
    if (presigned) {
      const { method = '', url: target = '', headers } = request;
      verifyPresigned({ method, target, headers }, access.credentialsOf(caller).secretAccessKey, now());
    }
    const serve = services[service];
    if (serve === undefined) {
      throw new AwsError('UnknownOperationException', `The local cloud has no service named ${service}.`, 501);
    }
    const authorize = (needed: Permission) => access.assertAllowed(caller, needed.action, needed.resourceArn);
    await serve({ request, response, caller, authorize });
  }

  const server = createServer({ keepAliveTimeout: keepAliveMs }, (request, response) => {
    response.setHeader('x-amzn-requestid', randomUUID());
    answer(request, response).catch((error: unknown) => answerError(request, response, error));
  });
  const host = options.host ?? '127.0.0.1';
  const port = await listen(server, host, options.port ?? 0);
  return {
    url: `http://${host}:${port}`,
    port,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
      dynamoDb.stop();
    },
  };
}

interface StatesInput {
  readonly stateMachineArn?: string;
  readonly executionArn?: string;
  readonly mapRunArn?: string;
}

/** @throws AwsError `MissingAuthenticationToken` (for S3 `AccessDenied`) when the request is not signed. */
function readCredentialScope(request: IncomingMessage) {
  const { authorization = '' } = request.headers;
  const header = /^AWS4-HMAC-SHA256 Credential=([^,\s]+)/.exec(authorization)?.[1];
  const query = /[?&]X-Amz-Credential=([^&]+)/.exec(request.url ?? '')?.[1];
  const credential = header ?? (query === undefined ? undefined : decodeURIComponent(query));
  const [accessKeyId, , , service] = credential?.split('/') ?? [];
  if (accessKeyId === undefined || service === undefined) {
    const message = 'The request has no Signature Version 4 credential: sign it with AWS credentials.';
    throw new AwsError(isS3(request) ? 'AccessDenied' : 'MissingAuthenticationToken', message, 403);
  }
  return { accessKeyId, service, presigned: header === undefined };
}

function unknownKey(service: string, accessKeyId: string): AwsError {
  return service === 's3'
    ? new AwsError('InvalidAccessKeyId', `The AWS Access Key Id ${accessKeyId} does not exist in our records.`, 403)
    : new AwsError('UnrecognizedClientException', 'The security token included in the request is invalid.', 403);
}

async function readJsonCall(request: IncomingMessage) {
  const target = String(request.headers['x-amz-target'] ?? '');
  const [, operation] = target.split('.');
  if (operation === undefined) {
    throw new AwsError('UnknownOperationException', 'The request has no X-Amz-Target header that names an operation.');
  }
  return { target, operation, body: await readBody(request) };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const body = await readWhole(request, jsonBytesMax);
  if (body !== undefined) return body;
  throw new AwsError('RequestEntityTooLarge', `The request body may have ${jsonBytesMax} bytes.`, 413);
}

function parseJson<Input>(body: Buffer): Input {
  try {
    return JSON.parse(body.toString()) as Input;
  } catch {
    throw new AwsError('SerializationException', 'The request body is not JSON.');
  }
}

function answerJson(response: ServerResponse, content: unknown): void {
  response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end(writeAwsJson(content));
}

/** AWS's JSON protocols write a time as seconds since 1970. */
function writeAwsJson(content: unknown): string {
  return JSON.stringify(content ?? {}, function (this: Record<string, unknown>, name: string, value: unknown) {
    const original = this[name];
    return original instanceof Date ? original.getTime() / 1_000 : value;
  });
}

/** S3 is the one service without an operation header and without a path of its own. */
function isS3(request: IncomingMessage): boolean {
  const { url = '', headers } = request;
  return headers['x-amz-target'] === undefined && !url.startsWith('/2015-03-31/') && !isQuery(request);
}

/** The query protocol of SNS and STS: a form that is answered with XML. */
function isQuery({ headers: { 'content-type': type = '' } }: IncomingMessage): boolean {
  return type.includes('x-www-form-urlencoded');
}

function answerError(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (response.headersSent || (request.destroyed && !request.complete)) {
    response.destroy();
    return;
  }
  const known = toAwsError(error);
  const denied = known.name === 'AccessDeniedException';
  if (isS3(request)) {
    const code = denied ? 'AccessDenied' : known.name;
    const body = writeXml('Error', { Code: code, Message: known.message, Resource: request.url ?? '' }, '');
    response.writeHead(denied ? 403 : known.status, { 'content-type': 'application/xml' });
    response.end(request.method === 'HEAD' ? undefined : body);
    return;
  }
  if (isQuery(request)) {
    // SNS has a code of its own for whoever may not do something.
    const code = denied ? 'AuthorizationError' : known.name;
    const status = denied ? 403 : known.status;
    const error = { Type: status < 500 ? 'Sender' : 'Receiver', Code: code, Message: known.message };
    const body = writeXml('ErrorResponse', { Error: error, RequestId: randomUUID() }, '');
    response.writeHead(status, { 'content-type': 'text/xml' }).end(body);
    return;
  }
  // The services with an operation header answer 400 to a caller without permission, and Lambda answers 403.
  const status = denied && request.headers['x-amz-target'] === undefined ? 403 : known.status;
  response.setHeader('x-amzn-errortype', known.name);
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
  // Lambda and STS spell the message with a capital.
  response.end(JSON.stringify({ __type: known.name, message: known.message, Message: known.message }));
}

function toAwsError(error: unknown): AwsError {
  if (error instanceof AwsError) return error;
  if (error instanceof URIError) return new AwsError('InvalidURI', "Couldn't parse the specified URI.");
  return new AwsError('InternalFailure', error instanceof Error ? error.message : String(error), 500);
}

function describeCaller(caller: string, { accountId }: Place): string {
  const isRole = caller.startsWith('arn:');
  const name = caller.slice(caller.lastIndexOf('/') + 1);
  return writeXml(
    'GetCallerIdentityResponse',
    {
      GetCallerIdentityResult: {
        Arn: isRole ? `arn:aws:sts::${accountId}:assumed-role/${name}/local` : `arn:aws:iam::${accountId}:root`,
        UserId: isRole ? `${name}:local` : accountId,
        Account: accountId,
      },
      ResponseMetadata: { RequestId: randomUUID() },
    },
    'https://sts.amazonaws.com/doc/2011-06-15/',
  );
}
