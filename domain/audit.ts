import { addMilliseconds, type Instant, parseInstant } from './time.ts';

/**
 * The audit chain: every operator's action and every run as one record, each of which holds the hash of the one before.
 *
 * A record's hash is the SHA-256, in 64 hexadecimal digits of lower case, of the UTF-8 text that the JSON
 * Canonicalization Scheme (RFC 8785) makes of the record without `hash`: no spaces, and the members of every object in
 * the order of their names. A record has no numbers but its sequence, so that any JSON writer which sorts names comes to
 * the same text. The first record has sequence 1 and names 64 zeros as the hash before it.
 */
export interface AuditRecord {
  /** 1, 2, 3... without a gap. */
  readonly sequence: number;
  /** When it was written; never before the record before it, so that order of sequence is order of time. */
  readonly at: Instant;
  /** Who did it: the id of an API key, `owner` for the owner of the AWS account, or `run:<id>`. */
  readonly actor: string;
  readonly action: AuditAction;
  /** What it was done to: `account:customer:acme`, `key:<id>`, `run:<id>`, `ledger`. */
  readonly target: string;
  /** What else there is to know, and never a secret. */
  readonly details: AuditDetails;
  readonly previousHash: string;
  readonly hash: string;
}

export type AuditDetails = Readonly<Record<string, string | boolean | readonly string[]>>;

/** Whether a value from elsewhere has the shape of details. */
export function isAuditDetails(value: unknown): value is AuditDetails {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every(
    (detail) =>
      typeof detail === 'string' ||
      typeof detail === 'boolean' ||
      (Array.isArray(detail) && detail.every((part) => typeof part === 'string')),
  );
}

/** Everything that is recorded. Charges and transfers are not: they are their own record. */
export const AUDIT_ACTIONS = [
  'key.created',
  'key.rotated',
  'key.revoked',
  'ledger.paused',
  'ledger.resumed',
  'rate-card.published',
  'account.frozen',
  'account.unfrozen',
  'account.closed',
  'credit-limit.changed',
  'reconciliation.requested',
  'reconciliation.started',
  'reconciliation.finished',
  'reconciliation.failed',
  'approval.requested',
  'approval.approved',
  'approval.rejected',
  'approval.used',
  'repair.requested',
  'repair.planning',
  'repair.planned',
  'repair.apply-requested',
  'repair.applying',
  'repair.backed-up',
  'repair.stale',
  'repair.failed',
  'repair.applied',
  'repair.rolled-back',
  'seal.requested',
  'seal.started',
  'seal.failed',
  'seal.made',
  'seal.verified',
  'billing.requested',
  'billing.started',
  'billing.finished',
  'billing.failed',
  'invoice.voided',
] as const;

export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** What somebody did, before it has its place in the chain. */
export type AuditEntry = Pick<AuditRecord, 'at' | 'actor' | 'action' | 'target' | 'details'>;

/** Where a chain ends, or ended once: what is kept elsewhere, so that a chain that was cut or written anew shows. */
export type AuditHead = Pick<AuditRecord, 'sequence' | 'hash'>;

/** The SHA-256 of a text's UTF-8 bytes, in hexadecimal digits of lower case. */
export type Digest = (text: string) => string;

/** What the first record names as the hash before it, and where an empty chain ends. */
export const CHAIN_START: AuditHead = { sequence: 0, hash: '0'.repeat(64) };

/** Characters of a record's details: whoever reads the chain must not need a second page for one record. */
export const AUDIT_DETAILS_CHARACTERS_MAX = 8_000;

/** Milliseconds that the clocks of two who write, or of one who writes and one who verifies, may differ. */
export const AUDIT_CLOCK_SKEW_MS = 5 * 60_000;

/** The last record is of a time to come: no record of this service is, so whoever follows it would spread a false time. */
export class AuditHeadAheadError extends Error {
  override name = 'AuditHeadAheadError';
}

/**
 * The record that follows the last one.
 * @param now the writer's clock, where the entry's own time may be older: that of the start of a long piece of work.
 * @throws RangeError when the details are longer than a record may be, and AuditHeadAheadError.
 */
export function nextRecord(
  last: (AuditHead & Partial<Pick<AuditRecord, 'at'>>) | undefined,
  entry: AuditEntry,
  digest: Digest,
  now: Instant = entry.at,
): AuditRecord {
  const { sequence, hash: previousHash, at = entry.at } = last ?? { ...CHAIN_START, at: entry.at };
  if (canonical(entry.details).length > AUDIT_DETAILS_CHARACTERS_MAX) {
    throw new RangeError(`The details of ${entry.action} have more than ${AUDIT_DETAILS_CHARACTERS_MAX} characters.`);
  }
  if (at > addMilliseconds(now > entry.at ? now : entry.at, AUDIT_CLOCK_SKEW_MS)) {
    throw new AuditHeadAheadError(`Record ${sequence} of the audit chain is dated ${at}, which is to come; verify it.`);
  }
  const { actor, action, target, details } = entry;
  // The clocks of two writers differ by a little; what was written later is not told earlier.
  const content = { sequence: sequence + 1, at: entry.at < at ? at : entry.at, actor, action, target, details };
  const record = { ...content, previousHash };
  return { ...record, hash: digest(canonical(record)) };
}

/** The text that is digested: the record without its hash, in canonical form. */
export function auditContent({ hash: _hash, ...content }: AuditRecord): string {
  return canonical(content);
}

/** The record as one line of an export: its canonical form, hash included. */
export function auditLine(record: AuditRecord): string {
  return canonical({ ...record });
}

/** Why a chain does not hold, at the first record where that shows. */
export type ChainFault =
  /** The record's content does not have the record's hash. */
  | { readonly kind: 'edited'; readonly sequence: number }
  /** There is no such record, though there is a later one. */
  | { readonly kind: 'removed'; readonly sequence: number }
  /** There is a record too many: a second one of this sequence, or one out of its place. */
  | { readonly kind: 'inserted'; readonly sequence: number }
  /** It does not name the hash of the record before it: that one, or this one, was written anew with a hash that fits. */
  | { readonly kind: 'unlinked'; readonly sequence: number }
  /** The chain ends before this record, which was there when its hash was kept elsewhere. */
  | { readonly kind: 'cut'; readonly sequence: number }
  /** It has another hash than was kept elsewhere: it, or some record before it, was written anew. */
  | { readonly kind: 'rewritten'; readonly sequence: number }
  /** Its time is none, lies before that of the record before it, or is still to come: nothing of this service wrote it. */
  | { readonly kind: 'misdated'; readonly sequence: number };

/** A fault as a sentence. */
export function describeFault({ kind, sequence }: ChainFault): string {
  switch (kind) {
    case 'edited':
      return `Record ${sequence} was edited: its content does not have its hash.`;
    case 'removed':
      return `Record ${sequence} was removed: there is none, and there is a later one.`;
    case 'inserted':
      return `Record ${sequence} was inserted: there is another of this sequence, or it is out of its place.`;
    case 'unlinked':
      return `Record ${sequence} does not follow from the one before it: one of the two was written anew.`;
    case 'cut':
      return `The chain was cut: it ends before record ${sequence}, whose hash was kept elsewhere.`;
    case 'rewritten':
      return `Record ${sequence} is not the one whose hash was kept elsewhere: it, or one before it, was written anew.`;
    case 'misdated':
      return `Record ${sequence} is misdated: its time is none, lies before that of the record before, or is to come.`;
  }
}

export interface ChainVerifier {
  /** Takes the next record, in order of sequence; gives the first fault found so far. */
  next(record: AuditRecord): ChainFault | undefined;
  /** Says that there are no more records; gives the first fault of them all. */
  end(): ChainFault | undefined;
  /** The last record that was taken, or where it started; of a chain without fault, its head. */
  head(): AuditHead;
  /** How many records were taken. */
  count(): number;
}

export interface VerifierOptions {
  readonly digest: Digest;
  /** The verifier's clock: records of later times are misdated. */
  readonly now: Instant;
  /** What the first record follows: the start of the chain, or `unknown` for a part whose first record is believed. */
  readonly after?: AuditHead | 'unknown';
  /** Hashes that were kept elsewhere, in any order. Those of records before the first one taken say nothing here. */
  readonly anchors?: readonly AuditHead[];
}

/**
 * Verifies a chain in one pass and constant memory. What it finds is one of two kinds: records that contradict each
 * other, and records that contradict a hash kept elsewhere. Without the latter, a chain that lost its end or was
 * computed anew from some record on looks like a whole one.
 */
export function createChainVerifier({
  digest,
  now,
  after = CHAIN_START,
  anchors = [],
}: VerifierOptions): ChainVerifier {
  const anchored = new Map(anchors.map((anchor) => [anchor.sequence, anchor]));
  const latest = addMilliseconds(now, AUDIT_CLOCK_SKEW_MS);
  let last: (AuditHead & { readonly at?: Instant }) | undefined = after === 'unknown' ? undefined : after;
  let fault: ChainFault | undefined;
  let count = 0;

  function faultOf(record: AuditRecord): ChainFault | undefined {
    const { sequence } = record;
    if (last !== undefined && sequence > last.sequence + 1) return { kind: 'removed', sequence: last.sequence + 1 };
    if (last !== undefined && sequence <= last.sequence) return { kind: 'inserted', sequence };
    if (digest(auditContent(record)) !== record.hash) return { kind: 'edited', sequence };
    const isFirstOfAll = sequence === CHAIN_START.sequence + 1;
    const previousHash = last?.hash ?? (isFirstOfAll ? CHAIN_START.hash : record.previousHash);
    if (record.previousHash !== previousHash) return { kind: 'unlinked', sequence };
    const anchor = anchored.get(sequence);
    if (anchor !== undefined && anchor.hash !== record.hash) return { kind: 'rewritten', sequence };
    const isDated = parseInstant(record.at) === record.at && record.at >= (last?.at ?? '') && record.at <= latest;
    return isDated ? undefined : { kind: 'misdated', sequence };
  }

  return {
    next(record) {
      fault ??= faultOf(record);
      last = record;
      count += 1;
      return fault;
    },
    end() {
      const kept = Math.max(0, ...anchored.keys());
      if (kept > (last?.sequence ?? 0)) fault ??= { kind: 'cut', sequence: (last?.sequence ?? 0) + 1 };
      return fault;
    },
    head: () => ({ sequence: last?.sequence ?? CHAIN_START.sequence, hash: last?.hash ?? CHAIN_START.hash }),
    count: () => count,
  };
}

type CanonicalValue = string | number | boolean | readonly string[] | { readonly [name: string]: CanonicalValue };

/** RFC 8785 for what records are made of: JSON's own text of strings and whole numbers, names in order, no spaces. */
export function canonical(value: CanonicalValue): string {
  if (typeof value !== 'object' || isList(value)) return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonical(value[name] ?? '')}`);
  return `{${members.join(',')}}`;
}

function isList(value: CanonicalValue): value is readonly string[] {
  return Array.isArray(value);
}
