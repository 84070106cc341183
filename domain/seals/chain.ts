import type { Digest } from '../audit.ts';
import { canonicalJson, type Json } from '../canonical-json.ts';
import type { Day, Instant } from '../time.ts';

/**
 * A seal: what was in the ledger for some days, as one link of a chain.
 *
 * A link's hash is the SHA-256, in 64 hexadecimal digits of lower case, of the UTF-8 text of its canonical JSON (RFC 8785)
 * without `hash`. It names the digest of its contents in the same way, and the contents name the digest of every bucket's
 * day, so that the hash of the last link stands for every transfer that was ever sealed.
 */
export interface SealLink {
  /** 1, 2, 3... without a gap. */
  readonly sequence: number;
  /** Of the run that made it. */
  readonly id: string;
  readonly sealedAt: Instant;
  /** It holds what was recorded up to this moment; what was recorded later is for the next one. */
  readonly recordedUntil: Instant;
  /** The days that it is for, in order. */
  readonly days: readonly Day[];
  /** Entries of all its days: a transfer between two customers is one at each. */
  readonly entries: number;
  /** SHA-256 of its contents. */
  readonly contents: string;
  readonly previousHash: string;
  readonly hash: string;
}

/** The transfers of the accounts of a bucket that count on a day, as they were sealed. */
export interface BucketDay {
  readonly day: Day;
  readonly bucket: string;
  readonly accounts: number;
  readonly entries: number;
  /** SHA-256 of all its lines (see entries.ts). */
  readonly digest: string;
  /** The SHA-256 of each page of its lines, by which the page is found. */
  readonly pages: readonly string[];
}

/** What a seal holds. A day of a bucket that differed from the seal it had is left out: that one goes on to hold. */
export interface SealContents {
  readonly bucketDays: readonly BucketDay[];
}

/** Where a chain ends. */
export type SealHead = Pick<SealLink, 'sequence' | 'hash'>;

/** Where an empty chain ends, and what the first link names as the hash before it. */
export const SEAL_CHAIN_START: SealHead = { sequence: 0, hash: '0'.repeat(64) };

export function contentsText({ bucketDays }: SealContents): string {
  return canonicalJson({ bucketDays: bucketDays.map((one) => ({ ...one })) });
}

/** The link that follows the head of a chain. */
export function nextLink(
  head: SealHead,
  content: Omit<SealLink, 'sequence' | 'previousHash' | 'hash'>,
  digest: Digest,
): SealLink {
  const { id, sealedAt, recordedUntil, days, entries, contents } = content;
  const unhashed = { id, sealedAt, recordedUntil, days, entries, contents };
  const link = { sequence: head.sequence + 1, ...unhashed, previousHash: head.hash };
  return { ...link, hash: digest(canonicalJson(link)) };
}

export function linkText(link: SealLink): string {
  return canonicalJson({ ...link });
}

/** Reads a link; undefined when the text is none. Whether its hash fits is another question. */
export function linkFrom(text: string): SealLink | undefined {
  const value = parsed(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const link = value as Partial<Record<keyof SealLink, unknown>>;
  const texts = [link.id, link.sealedAt, link.recordedUntil, link.contents, link.previousHash, link.hash];
  const isLink =
    texts.every((one) => typeof one === 'string') &&
    Number.isSafeInteger(link.sequence) &&
    Number.isSafeInteger(link.entries) &&
    Array.isArray(link.days) &&
    link.days.every((day) => typeof day === 'string');
  return isLink ? (value as SealLink) : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What is kept under one sequence of the chain. */
export interface KeptLink {
  readonly sequence: number;
  /** The link as it was first written; undefined when what was written is no link. */
  readonly link: SealLink | undefined;
  /** Something else was written over it. */
  readonly isOverwritten: boolean;
  /** It was deleted, which a bucket with Object Lock answers by hiding it. */
  readonly isHidden: boolean;
}

/** What is wrong with the chain of seals. All are told, not only the first. */
export interface SealFault {
  readonly kind: /** What is kept there is not what its hash says. */
    | 'edited'
    /** There is none of this sequence, though there are later ones. */
    | 'removed'
    /** It does not follow from the link before it: one of the two was made anew. */
    | 'unlinked'
    /** It was deleted; the lock has kept it. */
    | 'hidden'
    /** Something was written over it; the lock has kept the first. */
    | 'overwritten'
    /** The end was cut: the table knows of it and the bucket has it no more. */
    | 'cut'
    /** The bucket has it and the table does not list it, or lists another. */
    | 'unlisted';
  readonly sequence: number;
  /** The last sequence of a gap of several. */
  readonly to?: number;
}

/** A fault as a sentence. */
export function describeSealFault({ kind, sequence, to }: SealFault): string {
  switch (kind) {
    case 'edited':
      return `Seal ${sequence} was edited: its content does not have its hash.`;
    case 'removed':
      return to === undefined
        ? `Seal ${sequence} was removed: the bucket has none, and has later ones.`
        : `Seals ${sequence} to ${to} were removed: the bucket has none of them, and has later ones.`;
    case 'unlinked':
      return `Seal ${sequence} does not follow from the one before it: one of the two was made anew.`;
    case 'hidden':
      return `Seal ${sequence} was deleted: the bucket hides it, and its lock has kept it.`;
    case 'overwritten':
      return `Seal ${sequence} was written over: the lock of the bucket has kept the first.`;
    case 'cut':
      return to === undefined
        ? `The chain was cut: the table lists seal ${sequence}, and the bucket does not have it.`
        : `The chain was cut: the table lists seals up to ${to}, and the bucket has none from seal ${sequence} on.`;
    case 'unlisted':
      return `The list was cut: the bucket has seal ${sequence}, and the table does not list it as it is.`;
  }
}

/**
 * Holds the chain of the bucket against itself, and against the list of seals in the table. Each of the two may be changed
 * by people whom the other does not let in.
 * @param kept in order of sequence.
 * @param listed what the table lists, in any order.
 */
export function verifySealChain(
  kept: readonly KeptLink[],
  listed: readonly SealHead[],
  digest: Digest,
): readonly SealFault[] {
  const faults: SealFault[] = [];
  const hashes = new Map(listed.map(({ sequence, hash }) => [sequence, hash]));
  let before: SealHead | undefined = SEAL_CHAIN_START;
  let next = 1;
  for (const { sequence, link, isOverwritten, isHidden } of kept) {
    if (next < sequence) {
      faults.push(gap('removed', next, sequence - 1));
      before = undefined;
    }
    next = sequence + 1;
    if (isHidden) faults.push({ kind: 'hidden', sequence });
    if (isOverwritten) faults.push({ kind: 'overwritten', sequence });
    const isSound = link !== undefined && link.sequence === sequence && hashOf(link, digest) === link.hash;
    if (!isSound) faults.push({ kind: 'edited', sequence });
    else if (before !== undefined && link.previousHash !== before.hash) faults.push({ kind: 'unlinked', sequence });
    if (isSound && hashes.get(sequence) !== link.hash) faults.push({ kind: 'unlisted', sequence });
    before = isSound ? link : undefined;
  }
  const last = listed.reduce((most, { sequence }) => (sequence > most ? sequence : most), 0);
  if (next <= last) faults.push(gap('cut', next, last));
  return faults;
}

/** One fault, however many are missing: whoever writes the table chooses the numbers in it. */
function gap(kind: 'removed' | 'cut', sequence: number, to: number): SealFault {
  return { kind, sequence, ...(to > sequence && { to }) };
}

/**
 * Where the chain goes on: behind its end in the bucket, or, where that was cut, behind what the table lists of it, so that
 * the gap stays to be seen. A list item counts as far as it follows by number and hash from what is before it: any other
 * was made up, and must not send a chain that is never written again to where it says.
 */
export function headBehind(kept: SealHead, listed: readonly SealLink[], digest: Digest): SealHead {
  const bySequence = new Map(listed.map((link) => [link.sequence, link]));
  let head = kept;
  for (;;) {
    const next = bySequence.get(head.sequence + 1);
    if (next === undefined || next.previousHash !== head.hash || hashOf(next, digest) !== next.hash) return head;
    head = { sequence: next.sequence, hash: next.hash };
  }
}

function hashOf({ hash: _hash, ...content }: SealLink, digest: Digest): string {
  return digest(canonicalJson(content as { readonly [name: string]: Json }));
}
