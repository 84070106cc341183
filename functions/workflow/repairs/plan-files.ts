import { type ApprovalPolicy, needsApproval } from '../../../domain/approvals.ts';
import { canonicalJson } from '../../../domain/canonical-json.ts';
import type { Step } from '../../../domain/repairs/steps.ts';
import { magnitudeOf, type PlanTotals, planTotals } from '../../../domain/repairs/totals.ts';
import type { Instant } from '../../../domain/time.ts';
import { type Artifacts, putText, repairKey, type Written } from '../../../store/artifacts.ts';
import { sha256 } from '../../../store/audit.ts';
import type { PlanSummary, Repair } from '../../../store/repairs.ts';
import { csvLine } from '../../runtime/csv.ts';
import { NDJSON_TYPE } from '../reconciliation/parts.ts';
import { type PartRef, type PlanFile, partName, partText, putJson } from './files.ts';
import { type Draft, goodUntil, hashOf, partsOf } from './plan.ts';
import { renderPlan } from './report.ts';

/** The columns of steps.csv. Others read the file by these names in this order: add at the end, change nothing. */
export const STEP_COLUMNS = [
  'step_id',
  'kind',
  'account',
  'request_id',
  'asset',
  'debit',
  'credit',
  'amount',
  'effective_at',
  'corrects',
  'finding_id',
  'detail',
] as const;

const CSV_TYPE = 'text/csv; charset=utf-8';

/** Writes a plan as files; the manifest comes last, so a plan that has one is complete. */
export async function writePlan(
  artifacts: Artifacts,
  repair: Repair,
  draft: Draft,
  { plannedAt, policy }: { readonly plannedAt: Instant; readonly policy: ApprovalPolicy },
): Promise<PlanSummary> {
  const parts = partsOf(draft);
  const texts = parts.map(partText);
  const partFiles = texts.map((text, index): PartRef => {
    return { part: index + 1, steps: parts[index]?.length ?? 0, sha256: sha256(text) };
  });
  const steps = parts.flat();
  const totals = planTotals(steps);
  const summary = summaryOf(repair, draft, totals, { partFiles, steps: steps.length, plannedAt, policy });
  const files: (Written & { readonly name: string; readonly rows: number })[] = [];
  const put = async (name: string, type: string, body: string, rows: number) => {
    files.push({ name, ...(await putText(artifacts, repairKey(repair.id, name), type, body)), rows });
  };
  for (const [index, text] of texts.entries()) {
    await put(partName(index + 1), NDJSON_TYPE, text, parts[index]?.length ?? 0);
  }
  await put('steps.csv', CSV_TYPE, stepsCsv(steps), steps.length);
  const left = draft.left.map((line) => `${JSON.stringify(line)}\n`).join('');
  await put('left.ndjson', NDJSON_TYPE, left, draft.left.length);
  const page = await renderPlan(repair, summary, totals, steps, draft.left);
  await put('report.html', 'text/html; charset=utf-8', page, steps.length);
  files.push({ name: 'plan.json', ...(await putJson(artifacts, repair.id, 'plan.json', planFile())), rows: 0 });
  await putJson(artifacts, repair.id, 'manifest.json', { repairId: repair.id, hash: summary.hash, files });
  return summary;

  function planFile(): PlanFile {
    const accountTotals = totals.accounts.map(({ debited, credited, ...rest }) => ({
      ...rest,
      debited: debited.toString(),
      credited: credited.toString(),
    }));
    return { id: repair.id, source: repair.source, ...summary, partFiles, accountTotals };
  }
}

function summaryOf(
  { id, source }: Repair,
  { answered, left, entries }: Draft,
  totals: PlanTotals,
  its: {
    readonly partFiles: readonly PartRef[];
    readonly steps: number;
    readonly plannedAt: Instant;
    readonly policy: ApprovalPolicy;
  },
): PlanSummary {
  const { partFiles, steps, plannedAt, policy } = its;
  const moved = Object.fromEntries(totals.assets.map((asset) => [asset.asset, magnitudeOf(asset)]));
  const digests = partFiles.map((part) => part.sha256);
  return {
    hash: hashOf({ id, source: canonicalJson(source) }, digests),
    plannedAt,
    goodUntil: goodUntil(plannedAt),
    steps,
    parts: partFiles.length,
    answered,
    left: left.length,
    ...(entries !== undefined && { entries }),
    stepsByKind: totals.steps,
    accounts: new Set(totals.accounts.map(({ account }) => account)).size,
    totals: totals.assets.map(({ charged, givenBack, rebalanced, ...rest }) => ({
      ...rest,
      charged: charged.toString(),
      givenBack: givenBack.toString(),
      rebalanced: rebalanced.toString(),
    })),
    aboveThreshold: needsApproval(moved, policy),
  };
}

function stepsCsv(steps: readonly Step[]): string {
  return [csvLine(STEP_COLUMNS), ...steps.map((step) => csvLine(stepCells(step)))].join('');
}

/** The cells of a step in the order of STEP_COLUMNS. */
export function stepCells(step: Step): string[] {
  const { id, kind, account, asset, findingId, detail } = step;
  const requestId = 'requestId' in step ? step.requestId : '';
  const {
    debit = '',
    credit = '',
    amount = '',
    effectiveAt = '',
    corrects = '',
  } = 'transfer' in step ? step.transfer : {};
  const at = step.kind === 'ruling' ? step.at : effectiveAt;
  return [id, kind, account, requestId, asset, debit, credit, amount.toString(), at, corrects, findingId, detail];
}
