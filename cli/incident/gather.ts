import type { WireAuditRecord } from '../../contract/audit-chain.ts';
import type { Client } from '../../contract/client.ts';
import { AUDIT_RECORDS_MAX } from '../../contract/limits.ts';
import { CommandFailedError, expectOk } from '../failure.ts';
import { eachFinding } from '../findings.ts';
import type { Io } from '../io.ts';
import { addPosted, type Posted } from './posted.ts';
import { type Approval, type IncidentSources, lastVerified, type Repair } from './record.ts';
import { addFinding, createFindingsTally } from './tally.ts';

/** All that the service has about what a run found, and what was done about it. */
export async function gatherIncident(
  io: Io,
  client: Client,
  runId: string,
  more: readonly string[],
): Promise<IncidentSources> {
  const { signal } = io;
  const readRun = async (id: string) => expectOk(await client.getReconciliation({ params: { runId: id }, signal }));
  const run = await readRun(runId);
  const findings = run.artifacts?.['findings.ndjson'];
  if (run.outcome === undefined || findings === undefined) {
    throw new CommandFailedError(`The run ${runId} is ${run.status}; only a complete one has findings to tell of.`);
  }
  const tally = createFindingsTally();
  for await (const finding of eachFinding(io, findings)) addFinding(tally, finding);
  // What led to it, such as a pause or a new rate card, may have been done as soon as things went wrong.
  const from = tally.first !== undefined && tally.first < run.requestedAt ? tally.first : run.requestedAt;
  const audit = await readAudit(io, client, from);
  const repairs: Repair[] = [];
  const posted: Posted = new Map();
  for (const repairId of new Set([...repairsOf(runId, audit), ...more])) {
    const repair = expectOk(await client.getRepair({ params: { repairId }, signal }));
    repairs.push(repair);
    const results = repair.artifacts?.['results.csv'];
    if (results !== undefined) await addPosted(io, results, posted);
  }
  const approvals: Approval[] = [];
  for (const { approval: approvalId } of repairs) {
    if (approvalId === undefined) continue;
    approvals.push(expectOk(await client.getApproval({ params: { approvalId }, signal })));
  }
  const lastRunId = lastVerified(repairs)?.verification?.runId;
  const verifiedBy = lastRunId === undefined ? undefined : await readRun(lastRunId);
  return { run, tally, repairs, posted, approvals, audit, verifiedBy };
}

/** The repairs of a run, and those that rolled them back, in the order in which they were asked for. */
function repairsOf(runId: string, audit: readonly WireAuditRecord[]): string[] {
  const known = new Set([`run:${runId}`]);
  for (const { action, target, details } of audit) {
    if (action === 'repair.requested' && typeof details.of === 'string' && known.has(details.of)) known.add(target);
  }
  return [...known].filter((target) => target.startsWith('repair:')).map((target) => target.slice('repair:'.length));
}

async function readAudit(io: Io, client: Client, from: string): Promise<WireAuditRecord[]> {
  const records: WireAuditRecord[] = [];
  for (let cursor: string | undefined; ; ) {
    const query = { from, limit: `${AUDIT_RECORDS_MAX}`, ...(cursor !== undefined && { cursor }) };
    const page = expectOk(await client.listAudit({ query, signal: io.signal }));
    records.push(...page.records);
    cursor = page.next;
    if (cursor === undefined) return records;
  }
}
