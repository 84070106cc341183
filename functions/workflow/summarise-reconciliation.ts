import { type Claims, createClaims } from '../../domain/reconciliation/claims.ts';
import { type FindingLine, findingLine, findingOf } from '../../domain/reconciliation/findings.ts';
import { outcomeOf, type RunOutcome, worstPercent } from '../../domain/reconciliation/outcome.ts';
import { isRestricted } from '../../domain/reconciliation/scope.ts';
import type { Slice } from '../../domain/reconciliation/slices.ts';
import type { Counter, Summary } from '../../domain/reconciliation/summary.ts';
import type { Instant } from '../../domain/time.ts';
import { type Artifacts, getText, putOnce, putText, runKey, streamText, type Written } from '../../store/artifacts.ts';
import { finishRun, type RunsStore } from '../../store/runs.ts';
import { dynamoDb, s3 } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import { countMetric, publishMetrics } from '../runtime/metrics.ts';
import { areInvoicesMissing } from './reconciliation/invoices-due.ts';
import { missingInvoiceLines, missingLines } from './reconciliation/missing-lines.ts';
import { findingId, JSON_TYPE, lineOf, NDJSON_TYPE, readFindings, readParts } from './reconciliation/parts.ts';
import { FINDINGS_SHOWN_MAX, renderReport } from './reconciliation/report.ts';
import type { RunPlan } from './reconciliation/run-plan.ts';

export interface SummariseDeps {
  readonly runs: RunsStore;
  readonly artifacts: Artifacts;
  readonly now: () => Instant;
}

/** What manifest.json says of each file: its rows are the findings in it. */
interface ManifestFile extends Written {
  readonly name: string;
  readonly rows: number;
}

/**
 * Adds up a run's parts and writes its reports; the manifest comes last, so a run that has one is complete. All that is
 * written follows from the plan and the parts alone: doing it again writes the same.
 */
export const makeHandler =
  (deps: SummariseDeps) =>
  async ({ run }: { readonly run: RunPlan }): Promise<{ runId: string; verdict: string; findings: number }> => {
    const slices = JSON.parse(await getText(deps.artifacts, run.slicesKey)) as Slice[];
    const { summary, files, shown } = await writeFindings(deps.artifacts, run, slices);
    const outcome = outcomeOf(summary);
    files.unshift(await writeSummary(deps.artifacts, run, outcome));
    files.push(await writeReport(deps.artifacts, run, outcome, shown));
    const manifest = JSON.stringify({ runId: run.id, files }, undefined, 2);
    await putOnce(deps.artifacts, runKey(run.id, 'manifest.json'), JSON_TYPE, manifest);
    await finishRun(deps.runs, run, outcome, deps.now());
    if (run.trigger === 'daily') countMetric('invoices_missing', Number(await areInvoicesMissing(deps.runs, run)));
    emitMetrics(run, summary, outcome);
    logger.info(outcome.sentence, { runId: run.id, verdict: outcome.verdict });
    return { runId: run.id, verdict: outcome.verdict, findings: outcome.findings };
  };

/** Writes findings.ndjson and missing_lines.csv, and gives the sum of the parts and the findings that the report shows. */
async function writeFindings(artifacts: Artifacts, run: RunPlan, slices: readonly Slice[]) {
  const { counter, parts } = await readParts(artifacts, run.id, slices);
  const claims = createClaims();
  const claiming = parts.filter(({ claimsAfar }) => claimsAfar);
  for await (const finding of readFindings(artifacts, claiming)) claims.note(finding);
  const shown: FindingLine[] = [];
  let rows = 0;
  let missing = 0;

  async function* lines(): AsyncGenerator<string> {
    for await (const found of readFindings(artifacts, parts)) {
      const finding = settledLine(found, claims, counter);
      if (finding === undefined) continue;
      if (shown.length < FINDINGS_SHOWN_MAX) shown.push(finding);
      if (finding.kind === 'missing') missing += 1;
      rows += 1;
      yield lineOf(finding);
    }
  }
  const findingsKey = runKey(run.id, 'findings.ndjson');
  const findings = await streamText(artifacts, findingsKey, NDJSON_TYPE, lines());
  const linesOf = run.books === 'invoices' ? missingInvoiceLines : missingLines;
  const csv = await streamText(
    artifacts,
    runKey(run.id, 'missing_lines.csv'),
    'text/csv; charset=utf-8',
    linesOf(readFindings(artifacts, [{ key: findingsKey, count: rows, claimsAfar: false }])),
  );
  const files: ManifestFile[] = [
    { name: 'findings.ndjson', ...findings, rows },
    { name: 'missing_lines.csv', ...csv, rows: missing },
  ];
  return { summary: counter.result(), files, shown };
}

function settledLine(line: FindingLine, claims: Claims, counter: Counter): FindingLine | undefined {
  const finding = findingOf(line);
  const settled = counter.settled(finding, claims.settle(finding));
  if (settled === finding) return line;
  return settled === undefined ? undefined : findingLine(settled, findingId(settled));
}

async function writeSummary(artifacts: Artifacts, run: RunPlan, outcome: RunOutcome): Promise<ManifestFile> {
  const { id, trigger, books, startDate, endDate, accounts, sample, requestedAt, startedAt } = run;
  const facts = { id, trigger, books, startDate, endDate, accounts, sample, requestedAt, startedAt };
  const text = JSON.stringify({ ...facts, ...outcome }, undefined, 2);
  return { name: 'summary.json', ...(await putText(artifacts, runKey(id, 'summary.json'), JSON_TYPE, text)), rows: 0 };
}

async function writeReport(
  artifacts: Artifacts,
  run: RunPlan,
  outcome: RunOutcome,
  shown: readonly FindingLine[],
): Promise<ManifestFile> {
  const page = await renderReport(run, outcome, shown);
  const written = await putText(artifacts, runKey(run.id, 'report.html'), 'text/html; charset=utf-8', page);
  return { name: 'report.html', ...written, rows: shown.length };
}

function emitMetrics(run: RunPlan, summary: Summary, outcome: RunOutcome): void {
  if (run.books === 'invoices') {
    countMetric('invoice_findings', outcome.findings);
    countMetric('balances_not_checked', outcome.accountsTooBusy);
    publishMetrics();
    return;
  }
  // An alarm waits for this one every day; a run that somebody asked for must not still it.
  if (run.trigger === 'daily') countMetric('daily_reconciliation_completed');
  countMetric('reconciliation_findings', outcome.findings);
  countMetric('balances_not_checked', outcome.accountsTooBusy);
  countMetric('balance_drift_findings', outcome.findingsByKind['balance-drift']);
  // Of a few accounts, a percentage says nothing of the books.
  if (!isRestricted(run)) countMetric('reconciliation_discrepancy_percent', worstPercent(summary), 'Percent');
  if (run.trigger === 'spot') {
    countMetric('spot_check_findings', outcome.findings);
    countMetric('accounts_spot_checked', outcome.accountsSeen);
  }
  publishMetrics();
}

export const handler = lazily(() => {
  const { OPERATIONS_TABLE, ARTIFACTS_BUCKET } = environment('OPERATIONS_TABLE', 'ARTIFACTS_BUCKET');
  return makeHandler({
    runs: { client: dynamoDb(), operationsTable: OPERATIONS_TABLE },
    artifacts: { client: s3(), bucket: ARTIFACTS_BUCKET },
    now: () => new Date().toISOString(),
  });
});
