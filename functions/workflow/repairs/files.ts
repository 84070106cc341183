import { canonicalJson } from '../../../domain/canonical-json.ts';
import { type Step, type StepLine, stepLine, stepOf } from '../../../domain/repairs/steps.ts';
import type { AccountTotals } from '../../../domain/repairs/totals.ts';
import { type Artifacts, getText, putText, repairKey, type Written } from '../../../store/artifacts.ts';
import { sha256 } from '../../../store/audit.ts';
import type { PlanSummary, RepairSource, StepOutcome } from '../../../store/repairs.ts';
import { JSON_TYPE, NDJSON_TYPE } from '../reconciliation/parts.ts';
import { hashOf } from './plan.ts';

/** A part of a plan, and what its file must digest to. */
export interface PartRef {
  readonly part: number;
  readonly steps: number;
  readonly sha256: string;
}

/** plan.json: the whole plan but its steps and what is left, which are in files of lines. */
export interface PlanFile extends PlanSummary {
  readonly id: string;
  readonly source: RepairSource;
  readonly parts: number;
  readonly partFiles: readonly PartRef[];
  /** Totals per account and asset; amounts are decimal strings. */
  readonly accountTotals: readonly {
    readonly [Name in keyof AccountTotals]: AccountTotals[Name] extends bigint ? string : AccountTotals[Name];
  }[];
}

/** What became of a step. */
export interface StepResult {
  readonly id: string;
  readonly outcome: StepOutcome;
  readonly reason?: string;
}

/** A file of a repair is not the one that its plan speaks of. Nothing must be posted by it. */
export class PlanDiffersError extends Error {
  override name = 'PlanDiffersError';
}

export function partName(part: number): string {
  return `plan/part-${number(part)}.ndjson`;
}

export function partText(steps: readonly Step[]): string {
  return steps.map((step) => `${JSON.stringify(stepLine(step))}\n`).join('');
}

/** Reads a plan and checks that it is the one with this hash, where one is given. @throws PlanDiffersError */
export async function readPlan(
  artifacts: Artifacts,
  repairId: string,
  hash?: string,
): Promise<{ readonly parts: readonly PartRef[] }> {
  const plan = JSON.parse(await getText(artifacts, repairKey(repairId, 'plan.json'))) as PlanFile;
  const digests = plan.partFiles.map((part) => part.sha256);
  const computed = hashOf({ id: repairId, source: canonicalJson(plan.source) }, digests);
  if (computed !== (hash ?? plan.hash)) {
    throw new PlanDiffersError(
      `plan.json of the repair "${repairId}" is not the plan ${hash ?? plan.hash}; plan again.`,
    );
  }
  return { parts: plan.partFiles };
}

/** The steps of a part. @throws PlanDiffersError when its file was changed. */
export async function readSteps(
  artifacts: Artifacts,
  repairId: string,
  { part, sha256: wanted }: PartRef,
): Promise<Step[]> {
  const text = await getText(artifacts, repairKey(repairId, partName(part)));
  if (sha256(text) !== wanted) {
    throw new PlanDiffersError(
      `${partName(part)} of the repair "${repairId}" was changed after it was planned; plan again.`,
    );
  }
  return linesOf(text).map((line) => stepOf(JSON.parse(line) as StepLine));
}

export async function writeResults(
  artifacts: Artifacts,
  repairId: string,
  part: number,
  results: readonly StepResult[],
): Promise<Written> {
  const text = results.map((result) => `${JSON.stringify(result)}\n`).join('');
  return putText(artifacts, repairKey(repairId, resultsName(part)), NDJSON_TYPE, text);
}

export async function readResults(artifacts: Artifacts, repairId: string, part: number): Promise<StepResult[]> {
  const text = await getText(artifacts, repairKey(repairId, resultsName(part)));
  return linesOf(text).map((line) => JSON.parse(line) as StepResult);
}

export function putJson(artifacts: Artifacts, repairId: string, name: string, value: unknown): Promise<Written> {
  return putText(artifacts, repairKey(repairId, name), JSON_TYPE, JSON.stringify(value, undefined, 2));
}

function resultsName(part: number): string {
  return `applied/part-${number(part)}.ndjson`;
}

function number(part: number): string {
  return part.toString().padStart(4, '0');
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
