import { globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { renderIncident } from '../../cli/incident/markdown.ts';
import type { IncidentRecord } from '../../cli/incident/record.ts';
import type { Invoice } from '../../domain/invoices/invoice.ts';
import type { FindingLine } from '../../domain/reconciliation/findings.ts';
import { outcomeOf } from '../../domain/reconciliation/outcome.ts';
import { createCounter } from '../../domain/reconciliation/summary.ts';
import type { Step } from '../../domain/repairs/steps.ts';
import { planTotals } from '../../domain/repairs/totals.ts';
import { renderPage } from '../../functions/workflow/invoices/export-page.ts';
import { renderReport } from '../../functions/workflow/reconciliation/report.ts';
import type { RunPlan } from '../../functions/workflow/reconciliation/run-plan.ts';
import { renderPlan } from '../../functions/workflow/repairs/report.ts';
import type { PlanSummary, Repair } from '../../store/repairs.ts';

/** Whatever callers wrote stays text in what people open. */

const HOSTILE = `"'><img src=x onerror=alert(1)><script>alert(2)</script>`;
const DAY = '2026-11-19';
const TIME = `${DAY}T08:00:00.000Z`;

function expectHarmless(page: string): void {
  expect(page).toContain('&lt;img src=x');
  expect(page).not.toMatch(/<img|<script|<[^>]*\sonerror/);
  // A quote that ends an attribute.
  expect(page.replaceAll(/<style>.*?<\/style>/gs, '')).not.toContain(`"'>`);
}

const finding = {
  ...{ id: HOSTILE, kind: 'missing', account: HOSTILE, asset: 'TOKEN', requestId: HOSTILE, at: HOSTILE },
  ...{ expected: '1', actual: '0', difference: '-1', transferIds: [HOSTILE], cause: HOSTILE, detail: HOSTILE },
  evidence: [{ fingerprint: HOSTILE, operation: HOSTILE, quantities: { [HOSTILE]: '1' } }],
} as unknown as FindingLine;

test('the report of a reconciliation', async () => {
  const run = {
    ...{ id: HOSTILE, trigger: 'request', startDate: DAY, endDate: DAY, requestedAt: TIME, requestedBy: HOSTILE },
    ...{ execution: HOSTILE, startedAt: HOSTILE, slices: 1, slicesKey: HOSTILE, accounts: [HOSTILE] },
  } as unknown as RunPlan;
  const counter = createCounter();
  counter.finding({
    ...{ id: HOSTILE, kind: 'missing', account: HOSTILE, asset: 'TOKEN', at: TIME, actual: 0n, expected: 1n },
    ...{ transferIds: [], evidence: [], detail: HOSTILE },
  });
  expectHarmless(await renderReport(run, outcomeOf(counter.result()), [finding]));
});

test('the plan of a repair', async () => {
  const step: Step = {
    ...{ id: HOSTILE, account: HOSTILE, asset: 'TOKEN', findingId: HOSTILE, detail: HOSTILE, requestId: HOSTILE },
    kind: 'charge',
    transfer: {
      ...{ id: HOSTILE, kind: 'charge', debit: HOSTILE, credit: HOSTILE, asset: 'TOKEN', amount: 1n },
      effectiveAt: HOSTILE,
    },
    basis: { transferIds: [], moments: [], ledger: '', evidence: '' },
  };
  const plan: PlanSummary = {
    ...{ hash: HOSTILE, plannedAt: TIME, goodUntil: TIME, steps: 1, parts: 1, answered: 1, left: 1, stepsByKind: {} },
    ...{ accounts: 1, totals: [], aboveThreshold: true },
  };
  const repair = {
    ...{ id: HOSTILE, requestedAt: TIME, requestedBy: HOSTILE, startDate: DAY, endDate: DAY, status: 'planning' },
    source: { kind: 'findings', runId: HOSTILE, kinds: [HOSTILE] },
  } as unknown as Repair;
  const left = [{ id: HOSTILE, account: HOSTILE, requestId: HOSTILE, kind: 'unknown', reason: HOSTILE }] as const;
  expectHarmless(await renderPlan(repair, plan, planTotals([step]), [step], left));
});

test('the page of an invoice', async () => {
  const invoice: Invoice = {
    ...{ id: HOSTILE, account: HOSTILE, month: '2026-10', kind: 'credit-note', original: HOSTILE, asset: 'TOKEN' },
    ...{ opening: 1n, closing: 2n, due: 3n, ledgerTotal: 4n, lineCount: 2, status: 'draft', revision: 1, version: 1 },
    ...{ digest: HOSTILE, number: HOSTILE, madeBy: HOSTILE, madeAt: TIME, lastRun: HOSTILE, lastOutcome: 'created' },
    faults: [{ kind: 'moving', unit: HOSTILE }],
  };
  const lines = ['usage', 'credit'].map((type) => ({
    ...{ unit: HOSTILE, type, description: HOSTILE, quantity: 1n, amount: 1n },
  }));
  const seller = { name: HOSTILE, address: [HOSTILE], contact: HOSTILE };
  expectHarmless(await renderPage(invoice, lines, seller));
});

test('the record of an incident, which is Markdown', () => {
  const link = `${HOSTILE} [x](javascript:alert(1)) ![y](http://z) | \`code\`\n# Heading\n\n- item`;
  const amounts = [{ asset: 'TOKEN', overCharged: '1', underCharged: '1' }];
  const record: IncidentRecord = {
    ...{ run: link, period: { startDate: DAY, endDate: DAY }, status: 'open', sentence: link, began: TIME },
    ...{ lastWrong: TIME, detected: { at: TIME, by: link }, resolved: TIME, posted: [], revenue: [] },
    rootCauses: [{ kind: link, findings: 1, causes: { [link]: 1 }, amounts }],
    customers: [{ account: link, findings: 1, amounts }],
    repairs: [
      {
        ...{ id: link, of: link, what: link, status: link, requestedBy: link, counts: { [link]: 1 }, left: 0 },
        backup: link,
      },
    ],
    approvals: [{ id: link, state: link, requestedBy: link, decidedBy: link, decidedAt: TIME, reason: link }],
    verdict: { run: link, verdict: link, sentence: link },
    timeline: [{ at: TIME, who: link, what: link }],
  };
  const page = renderIncident(record);
  expect(page).not.toMatch(/(?<!\\)<(img|script)/);
  expect(page).not.toMatch(/(?<!\\)\](?=\()/);
  expect(page).not.toMatch(/^# Heading/m);
  const rows = page.split('\n').filter((line) => line.startsWith('|'));
  const columns = rows.map((line) => line.replaceAll('\\|', '').split('|').length);
  const head = (index: number): number => (rows[index]?.startsWith('|---') ? (columns[index] ?? 0) : head(index - 1));
  for (const [index, count] of columns.entries()) {
    if (index > 0 && !rows[index + 1]?.startsWith('|---')) expect(count).toBe(head(index));
  }
});

describe('every page is made by templates that escape', () => {
  const sources = globSync('{functions,cli,store,contract,domain}/**/*.ts').map(
    (file) => [file, readFileSync(file, 'utf8')] as const,
  );

  test('and only the styles go in as they are', () => {
    const raws = sources.flatMap(([file, text]) =>
      [...text.matchAll(/\braw\(([^)]*)\)/g)].map(([, what]) => [file, what]),
    );
    expect(raws.length).toBeGreaterThan(0);
    expect(raws.filter(([, what = '']) => !['REPORT_STYLE', 'PAGE_STYLE'].includes(what))).toEqual([]);
  });

  test('and no text is put together to a page in another way', () => {
    const makers = sources.filter(([, text]) => /<!doctype|<html|<table|<td>/i.test(text));
    expect(makers.length).toBeGreaterThan(0);
    expect(makers.filter(([, text]) => !text.includes("from 'hono/html'"))).toEqual([]);
    // A template without its tag.
    for (const [file, text] of makers) expect([file, /[^l]`\s*<\w/.test(text)]).toEqual([file, false]);
  });
});
