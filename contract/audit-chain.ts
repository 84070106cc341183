import { createHash } from 'node:crypto';
import type * as z from 'zod';
import { type AuditHead, auditLine, type ChainFault, createChainVerifier, describeFault } from '../domain/audit.ts';
import type { Instant } from '../domain/time.ts';
import { auditRecord, recordOf } from './schemas/audit.ts';

export type WireAuditRecord = z.output<typeof auditRecord>;

/** What was found of a chain, or of a part of one. */
export interface ChainCheck {
  readonly records: number;
  /** The last record that was read; sequence 0 where there was none. */
  readonly head: AuditHead;
  /** What is wrong first; absent where nothing is. */
  readonly fault?: ChainFault & { readonly sentence: string };
}

export interface ChainCheckOptions {
  /** The verifier's clock: records of later times are misdated. */
  readonly now: Instant;
  /** Whether the records are a part whose first one is believed, and not the chain from its start. */
  readonly isPart?: boolean;
  /** What the first record follows, where that was kept elsewhere; then it is not merely believed. */
  readonly after?: AuditHead;
  /** Heads that were kept elsewhere. */
  readonly anchors?: readonly AuditHead[];
  /** Called with each record in its canonical form, in order. */
  readonly onLine?: (line: string) => void | Promise<void>;
}

/** Something among the records is none. */
export class NotAnAuditRecordError extends Error {
  override name = 'NotAnAuditRecordError';
}

/**
 * Verifies records as the API or an export gives them, with nothing but their own hashes and what was kept elsewhere: it
 * asks no service.
 * @throws NotAnAuditRecordError
 */
export async function checkChain(records: AsyncIterable<unknown>, options: ChainCheckOptions): Promise<ChainCheck> {
  const verifier = createChainVerifier({
    digest: (text) => createHash('sha256').update(text).digest('hex'),
    now: options.now,
    ...(options.isPart === true && { after: options.after ?? 'unknown' }),
    ...(options.anchors !== undefined && { anchors: options.anchors }),
  });
  for await (const record of records) {
    const read = auditRecord.safeParse(record);
    if (!read.success) {
      throw new NotAnAuditRecordError(
        `What follows ${verifier.count()} records is no audit record, or has more fields.`,
      );
    }
    verifier.next(recordOf(read.data));
    await options.onLine?.(auditLine(recordOf(read.data)));
  }
  const fault = verifier.end();
  const found = { records: verifier.count(), head: verifier.head() };
  return fault === undefined ? found : { ...found, fault: { ...fault, sentence: describeFault(fault) } };
}
