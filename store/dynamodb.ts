import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';

/**
 * A client as the store wants it. Without the SDK's own retries: the store retries with full jitter inside a deadline and
 * tells a refusal from a fault, which the SDK cannot. And without the SDK's logging, which copies every request and
 * answer for a logger that nobody has given it, a tenth of what a call costs.
 */
export function newDynamoDb(config: DynamoDBClientConfig): DynamoDBClient {
  const client = new DynamoDBClient({ ...config, maxAttempts: 1 });
  client.middlewareStack.remove('loggerMiddleware');
  return client;
}
