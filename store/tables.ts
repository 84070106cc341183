import { type ChartEntry, shardsOn } from '../domain/chart.ts';
import { spread } from '../domain/ids.ts';
import type { Day, Instant, Month } from '../domain/time.ts';

/**
 * Every key and index of every table, and the access patterns they serve.
 *
 * | pattern | table, key |
 * |---|---|
 * | a transfer by id; its existence is the idempotency record | ledger `transfer#<id>` |
 * | an account by id | ledger `account#<id>` |
 * | what was reversed of a transfer | ledger `reversed#<id>` |
 * | a hold by id | ledger `hold#<id>` |
 * | how a hold ended; its existence is why it ends once | ledger `resolution#<hold id>` |
 * | an account's holds by the day and time of their expiry | ledger index byDebit `#holds#<account>#<day>` |
 * | a grant among what expires | ledger `expiry#<grant id>`, `expiry#<grant id>#<time>` |
 * | days that something was recorded for late | ledger `late-day#<day>`; ledger index byCredit `#late-days`, `<day>` |
 * | what expires on a day, in order of time, whatever it is | ledger index byCredit `#expiry#<day>#<shard>` |
 * | what debited (credited) an account on a day, in order of time | ledger index byDebit (byCredit) |
 * | accounts of a hash bucket; of these, those below a path | ledger index byBucket |
 * | evidence of an account on a day, in order of time; before each request's, the rulings on it | usage `<account>#<day>[#shard]` |
 * | accounts of a hash bucket ever seen in evidence | usage `accounts#<bucket>` |
 * | versions of rate cards, control flags | operations `settings` |
 * | an API key by id; API keys in order of ids | operations `keys`, `<key id>` |
 * | up to when what had expired was swept | operations `sweep`, `itself` |
 * | a reconciliation run, its slices | operations `run#<id>` |
 * | runs by time | operations `runs` |
 * | an import | operations `import#<id>` |
 * | a bulk and the results of its parts | operations `bulk#<id>` |
 * | a repair, the parts of it that are applied | operations `repair#<id>` |
 * | repairs by time | operations `repairs` |
 * | the audit chain in order of sequence; its head | operations `audit`, `<sequence>` |
 * | an approval | operations `approval#<id>` |
 * | approvals by time | operations `approvals` |
 * | a sealing, a verification of seals, and their slices | operations `seal#<id>`, `verification#<id>` |
 * | seals in order of sequence | operations `seals`, `<sequence>` |
 * | a billing run, what its slices came to | operations `billing-run#<id>` |
 * | billing runs by time | operations `billing-runs` |
 * | an invoice; invoices of a month by account bucket | billing `invoices#<month>#<bucket>`, `<account>[~<sequence>]` |
 * | the versions of an invoice | billing `versions#<invoice id>`, `<version>` |
 * | the lines of a version | billing `lines#<invoice id>#<digest>`, `<unit>#<type>#<normalized description>` |
 * | numbers of documents in order; the last one given | billing `numbers#<series>`, `<count>`, `last` |
 * | what an import of lines changed | billing `import#<run id>`, `<invoice id>` |
 * | a notice of a run to an account | billing `notices#<run id>`, `<account>` |
 */

/**
 * Accounts are listed by hash bucket, so a reconciliation slice is "these buckets, this day". 64 buckets spread a
 * million accounts into lists of 16,000. Fixed for ever: it is part of stored keys.
 */
export const BUCKETS = 64;

/**
 * The bucket of an account is that of the first two segments of its path, so that an account and all below it stand
 * together and are listed by one query. Fixed for ever like their number.
 */
export function bucketOf(account: string): string {
  const family = account.split(':', 2).join(':');
  return bucketName(spread(family, BUCKETS));
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

/**
 * The partition that a request's transfers and evidence of an account's day fall into, in the ledger's indexes and in
 * the usage table alike. The day decides over how many partitions it is spread, so both books of a day always agree.
 */
export function dayPartition(account: string, day: Day, entry: Pick<ChartEntry, 'shards'>, requestId: string): string {
  const shards = shardsOn(entry, day);
  return shardPartition(account, day, shards === 1 ? 0 : spread(requestId, shards), shards);
}

/** All partitions of an account's day, one per shard. */
export function dayPartitions(account: string, day: Day, entry: Pick<ChartEntry, 'shards'>): string[] {
  const shards = shardsOn(entry, day);
  return Array.from({ length: shards }, (_, shard) => shardPartition(account, day, shard, shards));
}

function shardPartition(account: string, day: Day, shard: number, shards: number): string {
  return shards === 1 ? `${account}#${day}` : `${account}#${day}#${shard}`;
}

/** An entry among what expires, for a grant: nothing else is known of it here. */
export function expiryKey(grant: string): string {
  return `expiry#${grant}`;
}

/** The note that something was recorded for a day when the daily seal no longer came to it by itself. */
export function lateDayKey(day: Day): string {
  return `late-day#${day}`;
}

/** In byCredit: all such notes; sort key: the day. No account's id begins with `#`. */
export const LATE_DAYS_PARTITION = '#late-days';

export function holdKey(id: string): string {
  return `hold#${id}`;
}

export function resolutionKey(holdId: string): string {
  return `resolution#${holdId}`;
}

/** In byDebit: an account's holds by the day on which they expire. No account's id begins with `#`. */
export function holdsPartition(account: string, expiryDay: Day): string {
  return `#holds#${account}#${expiryDay}`;
}

/**
 * Over how many partitions a day of what expires is spread: 16,000 new holds a second (AWS limit of 1,000 writes a
 * second each). Fixed for ever: it is part of stored keys.
 */
const EXPIRY_SHARDS = 16;

/** In byCredit: the partition that something which expires on this day is listed in; sort key `momentKey(expiry, id)`. */
export function expiryPartition(expiryDay: Day, id: string): string {
  return `#expiry#${expiryDay}#${spread(id, EXPIRY_SHARDS)}`;
}

/** All partitions of what expires on a day. */
export function expiryPartitions(expiryDay: Day): string[] {
  return Array.from({ length: EXPIRY_SHARDS }, (_, shard) => `#expiry#${expiryDay}#${shard}`);
}

/** Sort key of both books up to the request: `<time>#<request id>`. Ids have no `#` and no character below it. */
export function momentKey(at: Instant, requestId: string): string {
  return `${at}#${requestId}`;
}

// --- usage ---

export function usageSortKey(at: Instant, requestId: string, fingerprint: string): string {
  return `${momentKey(at, requestId)}#${fingerprint}`;
}

/** Rulings on the evidence of a request stand before it: `!` sorts below every fingerprint, and a number has three digits. */
export function rulingSortKey(at: Instant, requestId: string, number: number): string {
  return `${momentKey(at, requestId)}#!${number.toString().padStart(3, '0')}`;
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

/** How far the sweep of what expires has come. */
export const SWEEP_PARTITION = 'sweep';

/** API keys; sort key `<key id>`. */
export const API_KEYS_PARTITION = 'keys';

export function runPartition(runId: string): string {
  return `run#${runId}`;
}

/** Runs in order of their start; sort key `<requestedAt>#<run id>`. */
export const RUNS_PARTITION = 'runs';

export function repairPartition(repairId: string): string {
  return `repair#${repairId}`;
}

/** Repairs in order of their request; sort key `<requestedAt>#<repair id>`. */
export const REPAIRS_PARTITION = 'repairs';

/** The results of an applied part of a repair, behind the repair itself in the partition. */
export function repairPartSortKey(part: number): string {
  return `part#${part.toString().padStart(4, '0')}`;
}

export function bulkPartition(bulkId: string): string {
  return `bulk#${bulkId}`;
}

/** The results of a part of a bulk, behind the bulk itself in the partition. */
export function bulkPartSortKey(part: number): string {
  return `part#${part.toString().padStart(4, '0')}`;
}

export function importPartition(importId: string): string {
  return `import#${importId}`;
}

/** The audit chain; sort key: the sequence in 12 digits, so that order of text is order of numbers. */
export const AUDIT_PARTITION = 'audit';
const SEQUENCE_DIGITS = 12;

export function auditSortKey(sequence: number): string {
  return sequenceText(sequence);
}

/** So that order of text is order of numbers. */
export function sequenceText(sequence: number): string {
  return sequence.toString().padStart(SEQUENCE_DIGITS, '0');
}

export function approvalPartition(approvalId: string): string {
  return `approval#${approvalId}`;
}

/** Approvals in order of their request; sort key `<requestedAt>#<approval id>`. */
export const APPROVALS_PARTITION = 'approvals';

export function sealRunPartition(mode: 'seal' | 'verify', id: string): string {
  return mode === 'seal' ? `seal#${id}` : `verification#${id}`;
}

/** Seals as the bucket with Object Lock has them; sort key: the sequence in 12 digits. */
export const SEALS_PARTITION = 'seals';

export function billingRunPartition(runId: string): string {
  return `billing-run#${runId}`;
}

/** Billing runs in order of their request; sort key `<requestedAt>#<run id>`. */
export const BILLING_RUNS_PARTITION = 'billing-runs';

/** What a slice of a billing run came to, behind the run itself in the partition. */
export function billingSliceSortKey(pass: string, slice: string): string {
  return `slice#${pass}#${slice}`;
}

// --- billing ---

/** An invoice stands in the bucket of its account, so the invoices of a month are listed bucket by bucket. */
export function invoicesPartition(month: Month, bucket: string): string {
  return `invoices#${month}#${bucket}`;
}

export function invoiceSortKey(account: string, sequence: number): string {
  return sequence === 0 ? account : `${account}~${sequence.toString().padStart(4, '0')}`;
}

export function versionsPartition(invoiceId: string): string {
  return `versions#${invoiceId}`;
}

/** Lines lie under the digest of the content that they are part of: a version that is still being written disturbs none. */
export function linesPartition(invoiceId: string, digest: string): string {
  return `lines#${invoiceId}#${digest}`;
}

/** Numbers of documents; sort key: the count in 12 digits. */
export function numbersPartition(series: string): string {
  return `numbers#${series}`;
}

/** In the same partition: the last number that was given. `l` sorts behind all digits. */
export const LAST_NUMBER = 'last';

export function lineImportPartition(runId: string): string {
  return `import#${runId}`;
}

export function noticesPartition(runId: string): string {
  return `notices#${runId}`;
}

/** The single item of a partition that holds one thing. */
export const ITSELF = 'itself';
