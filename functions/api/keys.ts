import type * as z from 'zod';
import { KEYS_LISTED } from '../../contract/limits.ts';
import type { apiKey } from '../../contract/schemas/keys.ts';
import type { ProblemKind } from '../../contract/schemas/problems.ts';
import {
  type ApiKey,
  isUsable,
  KEY_ID_PATTERN,
  type KeyStatus,
  missingScope,
  OWNER_GRANTED_SCOPE,
  rotate,
  statusOf,
} from '../../domain/api-keys.ts';
import type { Chart } from '../../domain/chart.ts';
import type { Instant } from '../../domain/time.ts';
import {
  type ApiKeyStore,
  createApiKey,
  getApiKey,
  listApiKeys,
  revokeApiKey,
  rotateApiKey,
} from '../../store/api-keys.ts';
import { type Answer, type FieldError, invalid, ok, problem } from '../runtime/answers.ts';
import { mintKey, type Random } from '../runtime/keys.ts';
import type { ApiRequest, BodyOf, QueryOf } from '../runtime/pipeline.ts';
import { type Caller, printable } from '../runtime/requests.ts';
import { entryOf } from './chart-entries.ts';

export interface KeyDeps {
  readonly keys: ApiKeyStore;
  readonly stage: string;
  readonly chart: Chart;
  readonly now: () => Instant;
  readonly random: Random;
}

/**
 * Makes a key that may do no more than its maker, and never approve. In order: 400, 401, 403 missing scope, 422 id
 * taken, 201.
 */
export async function createKey(deps: KeyDeps, { body, caller }: ApiRequest<BodyOf<'createKey'>>): Promise<Answer> {
  const now = deps.now();
  const late = expiryError(body.expiresAt, now);
  if (late !== undefined) return invalid([late]);
  if (body.account !== undefined) {
    const entry = entryOf(deps.chart, 'account', body.account);
    if (!entry.ok) return entry.answer;
  }
  const refusal = (await refusalOfCaller(deps, caller, now)) ?? refusalOfScopes(body.scopes, caller);
  if (refusal !== undefined) return refusal;

  const { id, key, secretHash } = mintKey(deps.stage, deps.random, body.id);
  const { name, scopes, account, person, expiresAt } = body;
  const made: ApiKey = {
    id,
    name,
    scopes,
    createdAt: now,
    createdBy: caller.keyId,
    ...(account !== undefined && { account }),
    ...(person !== undefined && { person }),
    ...(expiresAt !== undefined && { expiresAt }),
  };
  const { kind } = await createApiKey(deps.keys, made, secretHash);
  if (kind === 'created') return ok(201, { ...render(made, now), key });
  const rule = 'belongs to a key, which was told once; rotate that key, or choose another id';
  return problem('conflict', `The id "${id}" belongs to a key.`, [{ field: 'id', rule }]);
}

export async function listKeys(
  { keys, now }: KeyDeps,
  { query }: ApiRequest<undefined, QueryOf<'listKeys'>>,
): Promise<Answer> {
  const page = await listApiKeys(keys, query.limit ?? KEYS_LISTED, query.cursor);
  const time = now();
  return ok(200, {
    keys: page.keys.map((key) => render(key, time)),
    ...(page.next !== undefined && { next: page.next }),
  });
}

export async function getKey(deps: KeyDeps, { params }: ApiRequest<undefined>): Promise<Answer> {
  const key = await named(deps, params.keyId);
  return key === undefined ? unknown(params.keyId) : ok(200, render(key, deps.now()));
}

/**
 * Makes a key that takes the place of another, which works on for the overlap. In order: 400, 401, 404, 403 missing
 * scope, 409 revoked, 409 rotated, 409 expired, 201.
 */
export async function rotateKey(
  deps: KeyDeps,
  { body, caller, params }: ApiRequest<BodyOf<'rotateKey'>>,
): Promise<Answer> {
  const now = deps.now();
  const late = expiryError(body.expiresAt, now);
  if (late !== undefined) return invalid([late]);
  const refusal = await refusalOfCaller(deps, caller, now);
  if (refusal !== undefined) return refusal;
  const old = await named(deps, params.keyId);
  if (old === undefined) return unknown(params.keyId);
  // Who rotates a key learns the new one, and so must be allowed all that it may do; one that may approve is its holder's.
  const beyond = refusalOfScopes(old.scopes, caller, old.id === caller.keyId);
  if (beyond !== undefined) return beyond;
  const status = statusOf(old, now);
  if (status !== 'active') return notActive(old, status);

  const { id, key, secretHash } = mintKey(deps.stage, deps.random);
  const { successor, oldWorksUntil } = rotate(old, { id, by: caller.keyId, now, ...body });
  const succession = { old: old.id, oldWorksUntil, successor, secretHash, now };
  const result = await rotateApiKey(deps.keys, succession);
  if (result.kind === 'rotated') return ok(201, { ...render(successor, now), key });
  return notActive(result.key, statusOf(result.key, now));
}

/** Revokes a key for ever; again changes nothing. In order: 401, 404, 200. */
export async function revokeKey(deps: KeyDeps, { caller, params }: ApiRequest<undefined>): Promise<Answer> {
  const now = deps.now();
  const refusal = await refusalOfCaller(deps, caller, now);
  if (refusal !== undefined) return refusal;
  const id = params.keyId ?? '';
  const key = KEY_ID_PATTERN.test(id) ? await revokeApiKey(deps.keys, id, caller.keyId, now) : undefined;
  return key === undefined ? unknown(id) : ok(200, render(key, now));
}

/** The rule that an expiry breaks, if any: a key that never works is a mistake. */
function expiryError(expiresAt: Instant | undefined, now: Instant): FieldError | undefined {
  return expiresAt !== undefined && expiresAt <= now
    ? { field: 'expiresAt', rule: 'must be in the future' }
    : undefined;
}

/**
 * The gateway remembers for a minute that a key was good. A stolen key that was revoked must not use that minute to
 * make itself another, so whoever changes keys is looked up again.
 */
async function refusalOfCaller(deps: KeyDeps, caller: Caller, now: Instant): Promise<Answer | undefined> {
  return (await usableKeyOf(deps, caller, now)) === undefined ? noLongerUsable() : undefined;
}

/** The key of the caller as it is now; undefined when it was revoked or has expired since the gateway asked. */
export async function usableKeyOf(
  deps: Pick<KeyDeps, 'keys'>,
  caller: Caller,
  now: Instant,
): Promise<ApiKey | undefined> {
  const key = await named(deps, caller.keyId);
  return key !== undefined && isUsable(key, now) ? key : undefined;
}

export function noLongerUsable(): Answer {
  return problem('unknown-key', 'The key of this request was revoked or has expired.');
}

function refusalOfScopes(granted: readonly string[], caller: Caller, isOwnKey = false): Answer | undefined {
  if (granted.includes(OWNER_GRANTED_SCOPE) && !isOwnKey) {
    const who = 'only the owner of the AWS account makes such keys, and each is rotated with itself alone';
    return problem('missing-scope', `No key may grant the scope "${OWNER_GRANTED_SCOPE}": ${who}.`);
  }
  const missing = missingScope(granted, caller.scopes);
  if (missing === undefined) return undefined;
  return problem('missing-scope', `Nobody may grant the scope "${missing}" with a key that does not have it.`);
}

const REFUSALS = {
  revoked: ['key-revoked', 'was revoked; make a new one'],
  rotated: ['key-rotated', 'was rotated before; rotate the key that took its place'],
  expired: ['key-expired', 'has expired; make a new one'],
} as const satisfies Record<Exclude<KeyStatus, 'active'>, readonly [ProblemKind, string]>;

function notActive(key: ApiKey, status: KeyStatus): Answer {
  // The table refuses no active key; should it ever, the same request is worth another try.
  if (status === 'active') return problem('unavailable', `The key "${key.id}" was changed meanwhile; try again.`);
  const [kind, why] = REFUSALS[status];
  const successor = status === 'rotated' ? `, "${key.replacedBy}"` : '';
  return problem(kind, `The key "${key.id}" ${why}${successor}.`);
}

async function named({ keys }: Pick<KeyDeps, 'keys'>, id = ''): Promise<ApiKey | undefined> {
  return KEY_ID_PATTERN.test(id) ? getApiKey(keys, id) : undefined;
}

function unknown(id = ''): Answer {
  return problem('not-found', `There is no key "${printable(id)}".`);
}

function render(key: ApiKey, now: Instant): z.infer<typeof apiKey> {
  return { ...key, scopes: [...key.scopes], status: statusOf(key, now) };
}
