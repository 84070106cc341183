import type * as z from 'zod';
import type { WireAuditRecord } from '../../contract/audit-chain.ts';
import type { approval } from '../../contract/schemas/approvals.ts';
import type { repair } from '../../contract/schemas/repairs.ts';
import type { Reconciliation } from '../run-summary.ts';
import type { Posted } from './posted.ts';
import type { ByAsset, FindingsTally } from './tally.ts';

export type Repair = z.output<typeof repair>;
export type Approval = z.output<typeof approval>;

/** What the service says about an incident. */
export interface IncidentSources {
  readonly run: Reconciliation;
  readonly tally: FindingsTally;
  /** In the order in which they were asked for. */
  readonly repairs: readonly Repair[];
  readonly posted: Posted;
  readonly approvals: readonly Approval[];
  /** From when things went wrong until now, in their order. */
  readonly audit: readonly WireAuditRecord[];
  /** The run that verified the last repair. */
  readonly verifiedBy: Reconciliation | undefined;
}

export interface TimelineEntry {
  readonly at: string;
  readonly who: string;
  readonly what: string;
}

/** Minor units as decimal strings. */
export interface Amounts {
  readonly asset: string;
  readonly overCharged: string;
  readonly underCharged: string;
}

/** A post-incident record as data; what people have to add to it is no part of it. */
export interface IncidentRecord {
  readonly run: string;
  readonly period: { readonly startDate: string; readonly endDate: string };
  /** `open` until a repair is verified to have left nothing. */
  readonly status: 'open' | 'resolved';
  readonly sentence: string;
  readonly began: string | undefined;
  readonly lastWrong: string | undefined;
  readonly detected: { readonly at: string | undefined; readonly by: string };
  readonly resolved: string | undefined;
  readonly rootCauses: readonly {
    readonly kind: string;
    readonly findings: number;
    readonly causes: Readonly<Record<string, number>>;
    readonly amounts: readonly Amounts[];
  }[];
  /** Those that are most wrong first. */
  readonly customers: readonly {
    readonly account: string;
    readonly findings: number;
    readonly amounts: readonly Amounts[];
  }[];
  readonly posted: readonly {
    readonly asset: string;
    readonly debited: string;
    readonly credited: string;
    readonly transfers: number;
  }[];
  /** `misstated`: what was charged beyond what should have been; `open`: what of it is left after the repairs. */
  readonly revenue: readonly (Amounts & { readonly misstated: string; readonly open: string })[];
  readonly repairs: readonly {
    readonly id: string;
    readonly of: string;
    readonly what: string;
    readonly status: string;
    readonly requestedBy: string;
    readonly counts: Readonly<Record<string, number>>;
    readonly left: number;
    readonly backup: string | undefined;
  }[];
  readonly approvals: readonly {
    readonly id: string;
    readonly state: string;
    readonly requestedBy: string;
    readonly decidedBy: string | undefined;
    readonly decidedAt: string | undefined;
    readonly reason: string | undefined;
  }[];
  readonly verdict: { readonly run: string; readonly verdict: string; readonly sentence: string } | undefined;
  readonly timeline: readonly TimelineEntry[];
}

/** Puts together what is known of an incident. Everything follows from the sources, so it comes out the same each time. */
export function incidentRecord(sources: IncidentSources): IncidentRecord {
  const { run, tally, repairs, posted, approvals, verifiedBy } = sources;
  const last = lastVerified(repairs);
  const isResolved = last?.verification?.verdict === 'clean' || run.outcome?.verdict === 'clean';
  const finished = isResolved ? (last?.finishedAt ?? run.finishedAt) : undefined;
  return {
    run: run.id,
    period: { startDate: run.startDate, endDate: run.endDate },
    status: isResolved ? 'resolved' : 'open',
    sentence: run.outcome?.sentence ?? '',
    began: tally.first,
    lastWrong: tally.last,
    detected: { at: run.finishedAt, by: detectedBy(sources) },
    resolved: finished,
    rootCauses: [...tally.kinds]
      .map(([kind, { count, causes, charged }]) => ({
        kind,
        findings: count,
        causes: Object.fromEntries(causes),
        amounts: amountsOf(charged),
      }))
      .sort((a, b) => b.findings - a.findings || order(a.kind, b.kind)),
    customers: [...tally.accounts]
      .map(([account, { count, charged }]) => ({ account, findings: count, amounts: amountsOf(charged), charged }))
      .sort((a, b) => compare(magnitude(b.charged), magnitude(a.charged)) || order(a.account, b.account))
      .map(({ charged: _charged, ...customer }) => customer),
    posted: [...posted]
      .map(([asset, { debited, credited, transfers }]) => ({
        asset,
        debited: debited.toString(),
        credited: credited.toString(),
        transfers,
      }))
      .sort((a, b) => order(a.asset, b.asset)),
    revenue: revenueOf(run, posted),
    repairs: repairs.map(repairLine),
    approvals: approvals.map(({ id, state, requestedBy, decidedBy, decidedAt, reason }) => {
      return { id, state, requestedBy, decidedBy, decidedAt, reason };
    }),
    verdict: verifiedBy?.outcome && {
      run: verifiedBy.id,
      verdict: verifiedBy.outcome.verdict,
      sentence: verifiedBy.outcome.sentence,
    },
    timeline: timelineOf(sources),
  };
}

/** The repair that was applied last: what its verification says is how things stand. */
export function lastVerified(repairs: readonly Repair[]): Repair | undefined {
  return repairs
    .filter(({ verification }) => verification !== undefined)
    .toSorted((a, b) => ((a.finishedAt ?? '') < (b.finishedAt ?? '') ? -1 : 1))
    .at(-1);
}

function repairLine({ id, kind, of, kinds = [], status, requestedBy, counts = {}, plan, backup }: Repair) {
  const what = kinds.length > 0 ? kinds.join(', ') : kind;
  return { id, of, what, status, requestedBy, counts, left: plan?.left ?? 0, backup };
}

function detectedBy({ run, audit }: IncidentSources): string {
  if (run.trigger !== 'request') return `the ${run.trigger} reconciliation`;
  const asked = audit.find(({ action, target }) => action === 'reconciliation.requested' && target === `run:${run.id}`);
  return asked === undefined
    ? 'a reconciliation that somebody asked for'
    : `a reconciliation asked for by ${asked.actor}`;
}

function amountsOf(charged: ByAsset): Amounts[] {
  return [...charged]
    .map(([asset, { over, under }]) => ({ asset, overCharged: `${over}`, underCharged: `${under}` }))
    .sort((a, b) => order(a.asset, b.asset));
}

function revenueOf({ outcome }: Reconciliation, posted: Posted): IncidentRecord['revenue'] {
  const totals = outcome?.totals ?? [];
  const assets = [...new Set([...totals.map(({ asset }) => asset), ...posted.keys()])].sort();
  return assets.map((asset) => {
    const { overCharged = '0', underCharged = '0' } = totals.find((line) => line.asset === asset) ?? {};
    const misstated = BigInt(overCharged) - BigInt(underCharged);
    const { debited = 0n, credited = 0n } = posted.get(asset) ?? {};
    const open = misstated + debited - credited;
    return { asset, overCharged, underCharged, misstated: `${misstated}`, open: `${open}` };
  });
}

/** Of assets with different scales nothing can be summed; this only puts the largest figures on top. */
function magnitude(charged: ByAsset): bigint {
  return [...charged.values()].reduce((sum, { over, under }) => sum + over + under, 0n);
}

/** What was done to the ledger as a whole belongs to every incident of its time. */
const ALWAYS_TOLD = new Set(['ledger.paused', 'ledger.resumed', 'rate-card.published']);

/** Hours behind the last step of a repair that are told too: paused ledgers are resumed when all is checked. */
const AFTERMATH_HOURS = 24;

function timelineOf({ run, tally, repairs, approvals, audit, verifiedBy }: IncidentSources): TimelineEntry[] {
  const targets = new Set([
    `run:${run.id}`,
    ...repairs.flatMap(({ id, verification }) => [
      `repair:${id}`,
      ...(verification ? [`run:${verification.runId}`] : []),
    ]),
    ...approvals.map(({ id }) => `approval:${id}`),
    ...(verifiedBy === undefined ? [] : [`run:${verifiedBy.id}`]),
  ]);
  const its = audit.filter(({ target }) => targets.has(target));
  const end = Date.parse(its.at(-1)?.at ?? run.requestedAt) + AFTERMATH_HOURS * 3_600_000;
  const told = audit.filter(
    ({ target, action, at }) =>
      targets.has(target) ||
      (Date.parse(at) <= end && (ALWAYS_TOLD.has(action) || tally.accounts.has(target.replace('account:', '')))),
  );
  const began =
    tally.first === undefined ? [] : [{ at: tally.first, who: '', what: 'The first of what is wrong counts.' }];
  return [
    ...began,
    ...told.map(({ at, actor, action, target, details }) => ({ at, who: actor, what: said(action, target, details) })),
  ].sort((a, b) => order(a.at, b.at));
}

function said(action: string, target: string, details: WireAuditRecord['details']): string {
  const facts = Object.entries(details).map(
    ([name, value]) => `${name}: ${Array.isArray(value) ? value.join(', ') : value}`,
  );
  return `${action} ${target}${facts.length === 0 ? '' : ` (${facts.join('; ')})`}`;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
