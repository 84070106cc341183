import { Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { readWhole } from '../../message-body.ts';
import type { Place } from '../../resources.ts';

/** Connections to the engine; it writes one transaction at a time, so that more of them would only wait inside it. */
const connectionsMax = 64;

/** Operations whose requests or answers carry ARNs, and no items. */
const operationsWithArns = new Set([
  'CreateTable',
  'UpdateTable',
  'DeleteTable',
  'DescribeTable',
  'ListStreams',
  'DescribeStream',
  'GetShardIterator',
]);

/** Engines want a signature to be there and do not verify it. */
const signature = {
  'x-amz-date': '20260101T000000Z',
  authorization:
    'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=none',
};

export interface DynamoDbProxy {
  /** @param target the `x-amz-target` header: API version and operation. */
  forward(target: string, body: Buffer, response: ServerResponse): Promise<void>;
  stop(): void;
}

/**
 * Passes calls on to the engine. Every call is signed as one caller, because DynamoDB Local keeps separate tables for
 * each access key; and ARNs, which engines write with a region of their own, are translated to this place's.
 */
export function createDynamoDbProxy(engineUrl: string, place: Place): DynamoDbProxy {
  const agent = new Agent({ keepAlive: true, maxSockets: connectionsMax });
  const url = new URL(engineUrl);
  const ourPrefix = `arn:aws:dynamodb:${place.region}:${place.accountId}:`;
  let engineRegion = 'dynoxide';

  function toEngine(body: Buffer): Buffer {
    return Buffer.from(body.toString().replaceAll(ourPrefix, `arn:aws:dynamodb:${engineRegion}:000000000000:`));
  }

  function withOurArns(answer: string): string {
    engineRegion = /"arn:aws:dynamodb:([^:]*):/.exec(answer)?.[1] ?? engineRegion;
    return answer.replaceAll(`"arn:aws:dynamodb:${engineRegion}:000000000000:`, `"${ourPrefix}`);
  }

  /** Inside an item the quotes of such a text would be escaped. */
  function withOurRegion(answer: string): string {
    return answer.replaceAll(/"awsRegion":"[^"]*"/g, `"awsRegion":"${place.region}"`);
  }

  async function forward(target: string, body: Buffer, response: ServerResponse) {
    const operation = target.slice(target.indexOf('.') + 1);
    const sent = operationsWithArns.has(operation) ? toEngine(body) : body;
    const headers = {
      ...signature,
      'content-type': 'application/x-amz-json-1.0',
      'content-length': sent.length,
      'x-amz-target': target,
    };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const options = { agent, method: 'POST', hostname: url.hostname, port: url.port, path: '/', headers };
      httpRequest(options, resolve).once('error', reject).end(sent);
    });
    const translate = operationsWithArns.has(operation) ? withOurArns : operation === 'GetRecords' && withOurRegion;
    const said = (await readWhole(answer)) ?? Buffer.of();
    const { 'transfer-encoding': _, ...told } = answer.headers;
    if (!translate) {
      response.writeHead(answer.statusCode ?? 500, { ...told, 'content-length': said.length }).end(said);
      return;
    }
    const written = Buffer.from(translate(said.toString()));
    // The engine's checksum is of the untranslated answer.
    const { 'x-amz-crc32': __, ...rest } = told;
    response.writeHead(answer.statusCode ?? 500, { ...rest, 'content-length': written.length }).end(written);
  }

  return { forward, stop: () => agent.destroy() };
}
