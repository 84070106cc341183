import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { keyRequest } from '../../contract/schemas/keys.ts';
import type { Instant } from '../../domain/time.ts';
import { type ApiKeyStore, createApiKey } from '../../store/api-keys.ts';
import { dynamoDb } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { mintKey, type Random } from '../runtime/keys.ts';
import { lazily } from '../runtime/lazily.ts';

export interface CreateKeyDeps {
  readonly store: ApiKeyStore;
  readonly stage: string;
  readonly now: () => Instant;
  readonly random: Random;
}

/** The request to make a key broke a rule; the message says which. */
export class InvalidKeyRequestError extends Error {
  override name = 'InvalidKeyRequestError';
}

/**
 * Makes an API key of any scopes. No route leads here: it is invoked by whoever holds the AWS account, which is how the
 * first key of a deployment comes into being. The answer is the only place where the key can ever be read.
 */
export const makeHandler =
  ({ store, stage, now, random }: CreateKeyDeps) =>
  async (event: unknown): Promise<{ id: string; key: string }> => {
    const parsed = keyRequest.safeParse(event);
    if (!parsed.success) throw new InvalidKeyRequestError(z.prettifyError(parsed.error));
    const { id: chosen, account, person, expiresAt, ...said } = parsed.data;
    const { id, key, secretHash } = mintKey(stage, random, chosen);
    const made = {
      ...said,
      id,
      createdAt: now(),
      ...(account !== undefined && { account }),
      ...(person !== undefined && { person }),
      ...(expiresAt !== undefined && { expiresAt }),
    };
    const { kind } = await createApiKey(store, made, secretHash);
    if (kind === 'taken') throw new InvalidKeyRequestError(`The id "${id}" belongs to a key; choose another.`);
    return { id, key };
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
