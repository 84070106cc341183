import type { ChartEntry } from '../domain/chart.ts';
import { spread } from '../domain/ids.ts';
import type { Day, Instant } from '../domain/time.ts';

/**
 * Every key and index of every table, and the access patterns they serve.
 *
 * | pattern | table, key |
 * |---|---|
 * | a transfer by id; its existence is the idempotency record | ledger `transfer#<id>` |
 * | an account by id | ledger `account#<id>` |
 * | what was reversed of a transfer | ledger `reversed#<id>` |
 * | what debited (credited) an account on a day, in order of time | ledger index byDebit (byCredit) |
 * | accounts of a hash bucket | ledger index byBucket |
 * | evidence of an account on a day, in order of time | usage `<account>#<day>[#shard]` |
 * | accounts of a hash bucket ever seen in evidence | usage `accounts#<bucket>` |
 * | versions of rate cards, control flags | operations `settings` |
 * | an API key by id; API keys in order of ids | operations `keys`, `<key id>` |
 * | a reconciliation run, its slices | operations `run#<id>` |
 * | runs by time | operations `runs` |
 * | an import | operations `import#<id>` |
 */

/**
 * Accounts are listed by hash bucket, so a reconciliation slice is "these buckets, this day". 64 buckets spread a
 * million accounts into lists of 16,000. Fixed for ever: it is part of stored keys.
 */
export const BUCKETS = 64;

export function bucketOf(account: string): string {
  return bucketName(spread(account, BUCKETS));
}

export function bucketName(index: number): string {
  return index.toString().padStart(2, '0');
}

// --- ledger ---

export const BY_DEBIT = 'byDebit';
export const BY_CREDIT = 'byCredit';
export const BY_BUCKET = 'byBucket';

export function transferKey(id: string): string {
  return `transfer#${id}`;
}

export function accountKey(id: string): string {
  return `account#${id}`;
}

export function reversedKey(transferId: string): string {
  return `reversed#${transferId}`;
}

/** The partition that holds one shard of an account's day, in the ledger's indexes and in the usage table alike. */
export function dayPartition(account: string, day: Day, shard: number, shards: number): string {
  return shards === 1 ? `${account}#${day}` : `${account}#${day}#${shard}`;
}

/** Which shard a request's transfers and evidence fall into. */
export function shardOf(requestId: string, shards: number): number {
  return shards === 1 ? 0 : spread(requestId, shards);
}

/** The partitions of an account's day, one per shard. */
export function dayPartitions(account: string, day: Day, entry: Pick<ChartEntry, 'shards'>): string[] {
  return Array.from({ length: entry.shards }, (_, shard) => dayPartition(account, day, shard, entry.shards));
}

/** Sort key of both books up to the request: `<time>#<request id>`. Ids have no `#` and no character below it. */
export function momentKey(at: Instant, requestId: string): string {
  return `${at}#${requestId}`;
}

// --- usage ---

export function usageSortKey(at: Instant, requestId: string, fingerprint: string): string {
  return `${momentKey(at, requestId)}#${fingerprint}`;
}

/** The partition of the usage table that lists the accounts of a bucket ever seen in evidence; sort key: account id. */
export function seenAccountsPartition(bucket: string): string {
  return `accounts#${bucket}`;
}

// --- operations ---

/** Small and read whole by every function that prices or writes: rate cards and control flags. */
export const SETTINGS_PARTITION = 'settings';
export const RATE_CARD_PREFIX = 'rate-card#';
export const CONTROL_PREFIX = 'control#';

export function rateCardSortKey(name: string, effectiveFrom: Instant): string {
  return `${RATE_CARD_PREFIX}${name}#${effectiveFrom}`;
}

/** API keys; sort key `<key id>`. */
export const API_KEYS_PARTITION = 'keys';

export function runPartition(runId: string): string {
  return `run#${runId}`;
}

/** Runs in order of their start; sort key `<requestedAt>#<run id>`. */
export const RUNS_PARTITION = 'runs';

export function importPartition(importId: string): string {
  return `import#${importId}`;
}

/** The single item of a partition that holds one thing. */
export const ITSELF = 'itself';
