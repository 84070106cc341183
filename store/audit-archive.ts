import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { AuditHead } from '../domain/audit.ts';
import type { Day, Instant } from '../domain/time.ts';
import { ArtifactDiffersError, type Artifacts, getText, putOnce, tellingPassing } from './artifacts.ts';

/**
 * Heads of the audit chain, one a day, in a bucket with Object Lock, whose policy lets nobody write a key twice: what an
 * operator who can write the table cannot make undone.
 */

export interface AuditAnchor extends AuditHead {
  readonly day: Day;
  readonly anchoredAt: Instant;
  /** What was wrong with the chain when its head was kept: an anchor witnesses what was there, and vouches for nothing. */
  readonly fault?: string;
}

const ANCHORS_PREFIX = 'anchors/';

/** Where a day's anchor is in the seals bucket. */
function anchorKey(day: Day): string {
  return `${ANCHORS_PREFIX}${day}.json`;
}

/** Keeps the head of a day, once: `kept-before` when the day has one. */
export async function keepAnchor(seals: Artifacts, anchor: AuditAnchor): Promise<'kept' | 'kept-before'> {
  const { day, sequence, hash, anchoredAt, fault } = anchor;
  try {
    const body = `${JSON.stringify({ day, sequence, hash, anchoredAt, fault })}\n`;
    await putOnce(seals, anchorKey(day), 'application/json', body);
    return 'kept';
  } catch (error) {
    if (error instanceof ArtifactDiffersError) return 'kept-before';
    throw error;
  }
}

/** The latest anchors, newest first. */
export async function latestAnchors(seals: Artifacts, limit: number): Promise<AuditAnchor[]> {
  const keys = (await anchorKeys(seals)).sort().reverse().slice(0, limit);
  const anchors: AuditAnchor[] = [];
  for (let index = 0; index < keys.length; index += READ_AT_ONCE) {
    const texts = keys.slice(index, index + READ_AT_ONCE).map((key) => getText(seals, key));
    for (const text of await Promise.all(texts)) anchors.push(JSON.parse(text) as AuditAnchor);
  }
  return anchors;
}

/** Anchors that are read side by side: each is a request of its own, of a few bytes. */
const READ_AT_ONCE = 20;

/** All of them: S3 lists oldest first, a thousand at a time, which is close to three years. */
async function anchorKeys(seals: Artifacts): Promise<string[]> {
  const keys: string[] = [];
  let token: string | undefined;
  do {
    const command = new ListObjectsV2Command({
      Bucket: seals.bucket,
      Prefix: ANCHORS_PREFIX,
      ...(token !== undefined && { ContinuationToken: token }),
    });
    const page = await tellingPassing(() => seals.client.send(command));
    for (const { Key: key } of page.Contents ?? []) if (key !== undefined) keys.push(key);
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return keys;
}
