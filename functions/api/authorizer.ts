import type { APIGatewayRequestAuthorizerEventV2, APIGatewaySimpleAuthorizerWithContextResult } from 'aws-lambda';
import { type ApiKey, isUsable, parseKey } from '../../domain/api-keys.ts';
import { type Day, dayOf, type Instant } from '../../domain/time.ts';
import { type ApiKeyStore, getCredential, noteKeyUse } from '../../store/api-keys.ts';
import { dynamoDb } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { secretMatches } from '../runtime/keys.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import type { AuthorizerContext } from '../runtime/requests.ts';

export interface AuthorizerDeps {
  readonly store: ApiKeyStore;
  readonly stage: string;
  readonly now: () => Instant;
}

type AuthorizerAnswer = APIGatewaySimpleAuthorizerWithContextResult<AuthorizerContext>;

const DENIED: AuthorizerAnswer = { isAuthorized: false, context: { keyId: '', scopes: '', account: '' } };

/**
 * Says who calls. What the caller may do is checked by each route against the scopes that this passes on. The gateway
 * remembers an answer for 60 seconds, so a key that is revoked or expires may work for as long as that.
 */
export const makeHandler = ({ store, stage, now }: AuthorizerDeps) => {
  const noteUse = useRecorder(store);
  return async (event: Pick<APIGatewayRequestAuthorizerEventV2, 'headers'>): Promise<AuthorizerAnswer> => {
    const [, text = ''] = /^Bearer (\S+)$/i.exec(event.headers?.authorization ?? '') ?? [];
    const parts = parseKey(text);
    if (parts === undefined || parts.stage !== stage) return DENIED;
    const credential = await getCredential(store, parts.id);
    if (credential === undefined || !secretMatches(parts.secret, credential.secretHash)) return DENIED;
    const { key } = credential;
    const time = now();
    if (!isUsable(key, time)) return DENIED;
    await noteUse(key, dayOf(time));
    return {
      isAuthorized: true,
      context: { keyId: key.id, scopes: key.scopes.join(' '), account: key.account ?? '' },
    };
  };
};

/** Milliseconds that a request waits for the note, once a day: many times what DynamoDB takes, and hardly felt. */
const NOTE_MS_MAX = 200;
/** Keys that an instance remembers to have noted: at 100 bytes each a megabyte. Beyond, it starts over. */
const REMEMBERED_KEYS_MAX = 10_000;

/** Notes the day of a key's use, tried once for each key and day, and no request fails with it. */
function useRecorder(store: ApiKeyStore): (key: ApiKey, day: Day) => Promise<void> {
  const tried = new Map<string, Day>();
  return async ({ id, lastUsedOn }, day) => {
    if (lastUsedOn === day || tried.get(id) === day) return;
    if (tried.size >= REMEMBERED_KEYS_MAX) tried.clear();
    tried.set(id, day);
    try {
      await noteKeyUse(store, id, day, AbortSignal.timeout(NOTE_MS_MAX));
    } catch (error) {
      const fault = error instanceof Error ? error : String(error);
      logger.warn('The day of use of a key could not be noted', { keyId: id, error: fault });
    }
  };
}

export const handler = lazily(() => {
  const { STAGE, OPERATIONS_TABLE } = environment('STAGE', 'OPERATIONS_TABLE');
  return makeHandler({
    store: { client: dynamoDb(), operationsTable: OPERATIONS_TABLE },
    stage: STAGE,
    now: () => new Date().toISOString(),
  });
});
