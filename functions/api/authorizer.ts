import type { APIGatewayRequestAuthorizerEventV2, APIGatewaySimpleAuthorizerWithContextResult } from 'aws-lambda';
import type { Instant } from '../../domain/time.ts';
import { type ApiKeyStore, getApiKey } from '../../store/api-keys.ts';
import { dynamoDb } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { parseKey, secretMatches } from '../runtime/keys.ts';
import { lazily } from '../runtime/lazily.ts';
import type { AuthorizerContext } from '../runtime/requests.ts';

export interface AuthorizerDeps {
  readonly store: ApiKeyStore;
  readonly stage: string;
  readonly now: () => Instant;
}

type AuthorizerAnswer = APIGatewaySimpleAuthorizerWithContextResult<AuthorizerContext>;

const DENIED: AuthorizerAnswer = { isAuthorized: false, context: { keyId: '', scopes: '', account: '' } };

/** Says who calls. What the caller may do is checked by each route against the scopes that this passes on. */
export const makeHandler =
  ({ store, stage, now }: AuthorizerDeps) =>
  async (event: Pick<APIGatewayRequestAuthorizerEventV2, 'headers'>): Promise<AuthorizerAnswer> => {
    const [, text = ''] = /^Bearer (\S+)$/i.exec(event.headers?.authorization ?? '') ?? [];
    const parts = parseKey(text);
    if (parts === undefined || parts.stage !== stage) return DENIED;
    const key = await getApiKey(store, parts.id);
    if (key === undefined || !secretMatches(parts.secret, key.secretHash)) return DENIED;
    if (key.expiresAt !== undefined && key.expiresAt <= now()) return DENIED;
    return {
      isAuthorized: true,
      context: { keyId: key.id, scopes: key.scopes.join(' '), account: key.account ?? '' },
    };
  };

export const handler = lazily(() => {
  const { STAGE, OPERATIONS_TABLE } = environment('STAGE', 'OPERATIONS_TABLE');
  return makeHandler({
    store: { client: dynamoDb(), operationsTable: OPERATIONS_TABLE },
    stage: STAGE,
    now: () => new Date().toISOString(),
  });
});
