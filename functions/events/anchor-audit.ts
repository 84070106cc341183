import * as z from 'zod';
import { type AuditHead, type AuditRecord, createChainVerifier, describeFault } from '../../domain/audit.ts';
import { dayOf, type Instant, parseInstant } from '../../domain/time.ts';
import type { Artifacts } from '../../store/artifacts.ts';
import { type AuditStore, readChain, SEQUENCE_MAX, sha256 } from '../../store/audit.ts';
import { keepAnchor, latestAnchors } from '../../store/audit-archive.ts';
import { dynamoDb, s3 } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import { countMetric, publishMetrics } from '../runtime/metrics.ts';

export interface AnchorDeps {
  readonly audit: AuditStore;
  readonly seals: Artifacts;
  readonly now: () => Instant;
}

export interface AnchorAnswer {
  readonly day: string;
  /** The last record that has a sequence and a hash to be known by; absent where there is none. */
  readonly head?: AuditHead;
  readonly anchor: 'kept' | 'kept-before' | 'nothing-to-keep';
  readonly fault?: string;
}

/** The schedule's event has no time that can be read. Trying again would not help. */
export class InvalidAnchorInputError extends Error {
  override name = 'InvalidAnchorInputError';
}

const event = z.object({
  scheduledTime: z.string().refine((text) => parseInstant(text) !== undefined, 'must be an RFC 3339 time'),
});

/** Anchors that the chain is held against: each commits to all records before it, so the last one would do; more show since when. */
const ANCHORS_CHECKED = 31;

/**
 * Reads the audit chain from its first record, holds it against the anchors of the days before, and keeps its head as
 * the anchor of this day. So it does with a chain that is broken, and notes the fault: else one broken record would be
 * enough for all later ones to be written anew unseen. A broken chain raises the alarm every day.
 */
export const makeHandler =
  ({ audit, seals, now }: AnchorDeps) =>
  async (input: unknown): Promise<AnchorAnswer> => {
    const parsed = event.safeParse(input);
    if (!parsed.success) throw new InvalidAnchorInputError(`The event has no day: ${z.prettifyError(parsed.error)}`);
    const day = dayOf(parseInstant(parsed.data.scheduledTime) ?? '');
    const anchors = await latestAnchors(seals, ANCHORS_CHECKED);
    const verifier = createChainVerifier({ digest: sha256, now: now(), anchors });
    let last: AuditRecord | undefined;
    for await (const record of readChain(audit, 1, SEQUENCE_MAX)) {
      verifier.next(record);
      if (canBeNamed(record)) last = record;
    }
    const fault = verifier.end();
    countMetric('audit_chain_broken', fault === undefined ? 0 : 1);
    publishMetrics();
    const found = fault === undefined ? {} : { fault: describeFault(fault) };
    const head = last && { sequence: last.sequence, hash: last.hash };
    const anchor =
      head === undefined ? 'nothing-to-keep' : await keepAnchor(seals, { day, ...head, anchoredAt: now(), ...found });
    if (fault === undefined) logger.info('The audit chain holds', { day, ...head, anchor });
    else logger.error('The audit chain is broken', { day, ...fault, sentence: describeFault(fault), anchor });
    return { day, ...(head !== undefined && { head }), anchor, ...found };
  };

/** Whoever writes a record past this service may give it no number and no hash; an anchor must be read for years. */
function canBeNamed({ sequence, hash }: AuditRecord): boolean {
  return Number.isSafeInteger(sequence) && /^[0-9a-f]{64}$/.test(hash);
}

export const handler = lazily(() => {
  const { OPERATIONS_TABLE, SEALS_BUCKET } = environment('OPERATIONS_TABLE', 'SEALS_BUCKET');
  return makeHandler({
    audit: { client: dynamoDb(), operationsTable: OPERATIONS_TABLE },
    seals: { client: s3(), bucket: SEALS_BUCKET },
    now: () => new Date().toISOString(),
  });
});
