import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { accountId, instant } from '../../contract/schemas/common.ts';
import { scopes } from '../../contract/scopes.ts';
import type { Instant } from '../../domain/time.ts';
import { type ApiKeyStore, putApiKey } from '../../store/api-keys.ts';
import { dynamoDb } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { formatKey, hashSecret } from '../runtime/keys.ts';
import { lazily } from '../runtime/lazily.ts';

const request = z.strictObject({
  name: z.string().min(1).max(64),
  scopes: z.array(z.enum(scopes)).min(1),
  account: accountId.optional(),
  expiresAt: instant.optional(),
});

export interface CreateKeyDeps {
  readonly store: ApiKeyStore;
  readonly stage: string;
  readonly now: () => Instant;
  readonly random: (bytes: number) => Buffer;
}

/** The request to make a key broke a rule; the message says which. */
export class InvalidKeyRequestError extends Error {
  override name = 'InvalidKeyRequestError';
}

/**
 * Makes an API key. No route leads here: it is invoked by whoever holds the AWS account, which is how the first key of
 * a deployment comes into being. The answer is the only place where the key can ever be read.
 */
export const makeHandler =
  ({ store, stage, now, random }: CreateKeyDeps) =>
  async (event: unknown): Promise<{ id: string; key: string }> => {
    const parsed = request.safeParse(event);
    if (!parsed.success) throw new InvalidKeyRequestError(z.prettifyError(parsed.error));
    const { account, expiresAt, ...said } = parsed.data;
    const id = random(8).toString('hex');
    const secret = random(32).toString('base64url');
    await putApiKey(store, {
      ...said,
      id,
      secretHash: hashSecret(secret),
      createdAt: now(),
      ...(account !== undefined && { account }),
      ...(expiresAt !== undefined && { expiresAt }),
    });
    return { id, key: formatKey({ stage, id, secret }) };
  };

export const handler = lazily(() => {
  const { STAGE, OPERATIONS_TABLE } = environment('STAGE', 'OPERATIONS_TABLE');
  return makeHandler({
    store: { client: dynamoDb(), operationsTable: OPERATIONS_TABLE },
    stage: STAGE,
    now: () => new Date().toISOString(),
    random: randomBytes,
  });
});
