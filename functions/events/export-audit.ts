import * as z from 'zod';
import {
  type AuditHead,
  type AuditRecord,
  auditContent,
  auditLine,
  CHAIN_START,
  createChainVerifier,
  describeFault,
} from '../../domain/audit.ts';
import { addDays, dayOf, type Instant, monthOf, parseDay, parseInstant } from '../../domain/time.ts';
import { type Artifacts, getTextIfThere, putOnce, streamOnce } from '../../store/artifacts.ts';
import { type AuditStore, chainHead, firstSequenceSince, readChain, readPage, sha256 } from '../../store/audit.ts';
import { dynamoDb, s3 } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';

export interface ExportDeps {
  readonly audit: AuditStore;
  readonly artifacts: Artifacts;
  readonly now: () => Instant;
}

/** What the manifest says: which records there are, what they follow from, and how they are known to be unchanged. */
export interface ExportManifest {
  readonly month: string;
  readonly file: string;
  readonly records: number;
  /** What the first record follows. */
  readonly after: { readonly sequence: number; readonly hash: string };
  /** The last record; what it follows where there are none. */
  readonly head: { readonly sequence: number; readonly hash: string };
  readonly bytes: number;
  readonly sha256: string;
}

/** The event says no month that is over. Trying again would not help. */
export class InvalidExportInputError extends Error {
  override name = 'InvalidExportInputError';
}

/** The records do not follow from each other: an export would pass for a whole one. */
export class AuditChainBrokenError extends Error {
  override name = 'AuditChainBrokenError';
}

/** A schedule says when it was due, and means the month before; a person names the month. */
const event = z.union([
  z.object({ month: z.string().refine((text) => parseDay(`${text}-01`) !== undefined, 'must be a month: 2026-11') }),
  z.object({ scheduledTime: z.string().refine((text) => parseInstant(text) !== undefined, 'must be a time') }),
]);

/**
 * Writes the audit records of a month to `audit/<month>.ndjson`, each in its canonical form, and then
 * `audit/<month>.manifest.json`. Both are written once and never change: doing it again comes to the same bytes. Where
 * the month begins and ends is found by the times of records, so the two beside it are verified too: one whose time was
 * edited for a while would have others left out for ever.
 */
export const makeHandler =
  ({ audit, artifacts, now }: ExportDeps) =>
  async (input: unknown): Promise<ExportManifest> => {
    const month = monthFrom(input);
    const start = `${month}-01`;
    const end = firstOfNextMonth(start);
    if (end > dayOf(now())) {
      throw new InvalidExportInputError(`${month} is not over; export it from ${end} on, or read it with the CLI now.`);
    }
    const [from, next] = await Promise.all(
      [start, end].map((day) => firstSequenceSince(audit, `${day}T00:00:00.000Z`)),
    );
    const range: MonthRange = { month, start, end, from: from ?? 1, to: (next ?? 1) - 1 };
    const after = await headBefore(audit, range);
    await expectEndOfMonthBefore(artifacts, range, after);
    const verifier = createChainVerifier({ digest: sha256, now: now(), after });

    async function* lines(): AsyncGenerator<string> {
      for await (const record of readChain(audit, range.from, range.to)) {
        const fault = verifier.next(record);
        if (fault !== undefined) throw broken(range, describeFault(fault));
        if (record.at < start || record.at >= end)
          throw broken(range, `Record ${record.sequence} is of another month.`);
        yield `${auditLine(record)}\n`;
      }
      await expectNextBehind(audit, range, verifier.head());
    }
    const file = `audit/${month}.ndjson`;
    const written = await streamOnce(artifacts, file, 'application/x-ndjson', lines());
    const manifest = { month, file, records: verifier.count(), after, head: verifier.head(), ...written };
    const text = JSON.stringify(manifest, undefined, 2);
    await putOnce(artifacts, manifestKey(month), 'application/json', text);
    logger.info('Exported', { ...manifest });
    return manifest;
  };

function monthFrom(input: unknown): string {
  const parsed = event.safeParse(input);
  if (!parsed.success) throw new InvalidExportInputError(`The event has no month: ${z.prettifyError(parsed.error)}`);
  if ('month' in parsed.data) return parsed.data.month;
  const firstDay = `${monthOf(dayOf(parseInstant(parsed.data.scheduledTime) ?? ''))}-01`;
  return monthOf(addDays(firstDay, -1));
}

function firstOfNextMonth(firstDay: string): string {
  // 31 days behind the first of a month is always in the next one.
  return `${monthOf(addDays(firstDay, 31))}-01`;
}

/** The records of a month by their sequences, both included; none where the last is below the first. */
interface MonthRange {
  readonly month: string;
  /** The first day of the month, and of the one after. */
  readonly start: string;
  readonly end: string;
  readonly from: number;
  readonly to: number;
}

function manifestKey(month: string): string {
  return `audit/${month}.manifest.json`;
}

function broken({ month }: MonthRange, why: string): AuditChainBrokenError {
  return new AuditChainBrokenError(`${month} is not exported. ${why}`);
}

/** The record before the month, which must be as it was written, and of an earlier time. */
async function headBefore(audit: AuditStore, range: MonthRange): Promise<AuditHead> {
  if (range.from === CHAIN_START.sequence + 1) return CHAIN_START;
  const before = await recordAt(audit, range, range.from - 1);
  if (before.at >= range.start) throw broken(range, `Record ${before.sequence} before it is not of an earlier month.`);
  return { sequence: before.sequence, hash: before.hash };
}

/** The record behind the month, if there is any, must follow from its last one, and be of a later time. */
async function expectNextBehind(audit: AuditStore, range: MonthRange, head: AuditHead): Promise<void> {
  if ((await chainHead(audit)).sequence <= range.to) return;
  const next = await recordAt(audit, range, range.to + 1);
  if (next.at < range.end) throw broken(range, `Record ${next.sequence} behind it is not of a later month.`);
  if (next.previousHash !== head.hash)
    throw broken(range, describeFault({ kind: 'unlinked', sequence: next.sequence }));
}

async function recordAt(audit: AuditStore, range: MonthRange, sequence: number): Promise<AuditRecord> {
  const [record] = await readPage(audit, { from: sequence, to: sequence, limit: 1 });
  if (record === undefined) throw broken(range, describeFault({ kind: 'removed', sequence }));
  if (sha256(auditContent(record)) !== record.hash) throw broken(range, describeFault({ kind: 'edited', sequence }));
  return record;
}

/** What the export of the month before ended with, where there is one, is what this one follows. */
async function expectEndOfMonthBefore(artifacts: Artifacts, range: MonthRange, after: AuditHead): Promise<void> {
  const month = monthOf(addDays(range.start, -1));
  const text = await getTextIfThere(artifacts, manifestKey(month));
  if (text === undefined) return;
  const { head } = JSON.parse(text) as ExportManifest;
  if (head.sequence === after.sequence && head.hash === after.hash) return;
  throw broken(range, `It follows record ${after.sequence}, and the export of ${month} ends with ${head.sequence}.`);
}

export const handler = lazily(() => {
  const { OPERATIONS_TABLE, ARTIFACTS_BUCKET } = environment('OPERATIONS_TABLE', 'ARTIFACTS_BUCKET');
  return makeHandler({
    audit: { client: dynamoDb(), operationsTable: OPERATIONS_TABLE },
    artifacts: { client: s3(), bucket: ARTIFACTS_BUCKET },
    now: () => new Date().toISOString(),
  });
});
