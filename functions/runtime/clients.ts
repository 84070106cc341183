import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { newDynamoDb } from '../../store/dynamodb.ts';

/** AWS clients, built when first asked for, and kept by the instance. */

/** Milliseconds to wait for one answer of DynamoDB; its own are single-digit, so this is a lost one. */
const DYNAMODB_REQUEST_MS = 1_200;
const DYNAMODB_CONNECT_MS = 500;
/** Milliseconds to wait for a page. Workflows ask for many of a megabyte at once, so a charge's second is too short there. */
const PAGE_REQUEST_MS = 20_000;

let dynamoDbClient: DynamoDBClient | undefined;
let dynamoDbPagesClient: DynamoDBClient | undefined;
let s3Client: S3Client | undefined;
let s3LinksClient: S3Client | undefined;
let stepFunctionsClient: SFNClient | undefined;
let snsClient: SNSClient | undefined;
let sqsClient: SQSClient | undefined;

export function dynamoDb(): DynamoDBClient {
  dynamoDbClient ??= newDynamoDb({
    requestHandler: {
      connectionTimeout: DYNAMODB_CONNECT_MS,
      requestTimeout: DYNAMODB_REQUEST_MS,
      throwOnRequestTimeout: true,
    },
  });
  return dynamoDbClient;
}

/** For workflows, which read whole books. */
export function dynamoDbForPages(): DynamoDBClient {
  dynamoDbPagesClient ??= newDynamoDb({
    requestHandler: { requestTimeout: PAGE_REQUEST_MS, throwOnRequestTimeout: true },
  });
  return dynamoDbPagesClient;
}

export function s3(): S3Client {
  s3Client ??= new S3Client({ forcePathStyle: usesPathStyle() });
  return s3Client;
}

/** For links that others use: a checksum signed into an upload link would be that of an empty body. */
export function s3ForLinks(): S3Client {
  s3LinksClient ??= new S3Client({ forcePathStyle: usesPathStyle(), requestChecksumCalculation: 'WHEN_REQUIRED' });
  return s3LinksClient;
}

/** Wherever an endpoint is given: `bucket.127.0.0.1` is not a name that resolves. */
function usesPathStyle(): boolean {
  return process.env.AWS_ENDPOINT_URL !== undefined;
}

export function stepFunctions(): SFNClient {
  stepFunctionsClient ??= new SFNClient({});
  return stepFunctionsClient;
}

export function sqs(): SQSClient {
  sqsClient ??= new SQSClient({});
  return sqsClient;
}

/** Does not try again by itself: whoever lost an answer must not have a message sent twice. */
export function snsOnce(): SNSClient {
  snsClient ??= new SNSClient({ maxAttempts: 1 });
  return snsClient;
}
