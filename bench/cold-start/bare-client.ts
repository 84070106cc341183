import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';

/** The least that a function on DynamoDB can be: the client, and one call. Bundled as the product's functions are. */
export async function handler(): Promise<{ statusCode: number }> {
  const client = new DynamoDBClient({ maxAttempts: 1 });
  await client.send(new GetItemCommand({ TableName: process.env.LEDGER_TABLE, Key: { pk: { S: 'nothing' } } }));
  return { statusCode: 200 };
}
