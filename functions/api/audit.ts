import type * as z from 'zod';
import { AUDIT_ANCHORS_DEFAULT, AUDIT_RECORDS_DEFAULT, AUDIT_RECORDS_READ_MAX } from '../../contract/limits.ts';
import type { auditPage, auditRecord } from '../../contract/schemas/audit.ts';
import type { AuditRecord } from '../../domain/audit.ts';
import type { Artifacts } from '../../store/artifacts.ts';
import { type AuditStore, chainHead, firstSequenceSince, readPage } from '../../store/audit.ts';
import { latestAnchors } from '../../store/audit-archive.ts';
import { type Answer, invalid, ok } from '../runtime/answers.ts';
import type { ApiRequest, QueryOf } from '../runtime/pipeline.ts';

export interface AuditDeps {
  readonly audit: AuditStore;
  /** Where the anchors are kept. */
  readonly seals: Artifacts;
}

type Query = QueryOf<'listAudit'>;

/** Lists records by sequence. In order: 400 for a range that ends before it starts, 200. */
export async function listAudit({ audit }: AuditDeps, { query }: ApiRequest<undefined, Query>): Promise<Answer> {
  if (query.from !== undefined && query.to !== undefined && query.to < query.from) {
    return invalid([{ field: 'to', rule: 'must not be before "from"' }]);
  }
  const { fromSequence, toSequence } = query;
  if (fromSequence !== undefined && toSequence !== undefined && toSequence < fromSequence) {
    return invalid([{ field: 'toSequence', rule: 'must not be below "fromSequence"' }]);
  }
  return ok(200, await readMatching(audit, await rangeOf(audit, query), query));
}

/** Sequences, both included; empty where the first is above the last. */
interface Range {
  readonly from: number;
  readonly to: number;
}

async function rangeOf(audit: AuditStore, query: Query): Promise<Range> {
  const [{ sequence: last }, since, until] = await Promise.all([
    chainHead(audit),
    query.from === undefined ? 1 : firstSequenceSince(audit, query.from),
    query.to === undefined ? undefined : firstSequenceSince(audit, query.to),
  ]);
  const from = Math.max(query.fromSequence ?? 1, since);
  const to = Math.min(query.toSequence ?? last, until === undefined ? last : until - 1);
  if (query.cursor === undefined) return { from, to };
  return query.order === 'desc' ? { from, to: Math.min(to, query.cursor) } : { from: Math.max(from, query.cursor), to };
}

/** Records that one query asks for where most may be filtered out. */
const SEARCHED_AT_ONCE = 500;

/** Reads until the page is full, the range is through, or enough was read for one request. */
async function readMatching(audit: AuditStore, { from, to }: Range, query: Query): Promise<z.infer<typeof auditPage>> {
  const descending = query.order === 'desc';
  const size = query.limit ?? AUDIT_RECORDS_DEFAULT;
  const isFiltered = [query.actor, query.action, query.target].some((filter) => filter !== undefined);
  const records: z.infer<typeof auditRecord>[] = [];
  let position = descending ? to : from;
  for (let read = 0; records.length < size && read < AUDIT_RECORDS_READ_MAX; ) {
    const rest = descending ? { from, to: position } : { from: position, to };
    const limit = isFiltered ? SEARCHED_AT_ONCE : size - records.length;
    const page = await readPage(audit, { ...rest, descending, limit });
    if (page.length === 0) return { records };
    for (const record of page) {
      if (records.length === size) break;
      if (matches(record, query)) records.push(render(record));
      position = descending ? record.sequence - 1 : record.sequence + 1;
      read += 1;
    }
  }
  return position < from || position > to ? { records } : { records, next: position.toString() };
}

function matches(record: AuditRecord, query: Query): boolean {
  return (['actor', 'action', 'target'] as const).every(
    (name) => query[name] === undefined || query[name] === record[name],
  );
}

function render({ details, ...record }: AuditRecord): z.infer<typeof auditRecord> {
  const values = Object.entries(details).map(([name, value]): [string, string | boolean | string[]] => [
    name,
    typeof value === 'string' || typeof value === 'boolean' ? value : [...value],
  ]);
  return { ...record, details: Object.fromEntries(values) };
}

export async function listAuditAnchors(
  { seals }: AuditDeps,
  { query }: ApiRequest<undefined, QueryOf<'listAuditAnchors'>>,
): Promise<Answer> {
  return ok(200, { anchors: await latestAnchors(seals, query.limit ?? AUDIT_ANCHORS_DEFAULT) });
}
