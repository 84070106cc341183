import { describe, expect, it } from 'vitest';
import type { FindingLine } from '../../../../domain/reconciliation/findings.ts';
import { outcomeOf } from '../../../../domain/reconciliation/outcome.ts';
import { createCounter } from '../../../../domain/reconciliation/summary.ts';
import { missingLines } from '../../../../functions/workflow/reconciliation/missing-lines.ts';
import { renderReport } from '../../../../functions/workflow/reconciliation/report.ts';
import type { RunPlan } from '../../../../functions/workflow/reconciliation/run-plan.ts';

const run: RunPlan = {
  id: 'daily-2026-11-19',
  trigger: 'daily',
  startDate: '2026-11-19',
  endDate: '2026-11-19',
  requestedAt: '2026-11-20T02:00:00.000Z',
  execution: 'arn:execution',
  startedAt: '2026-11-20T02:00:01.000Z',
  slices: 32,
  slicesKey: 'k',
};

const line: FindingLine = {
  id: 'f1',
  kind: 'missing',
  account: 'customer:acme',
  asset: 'USD/2',
  requestId: 'req-1',
  at: '2026-11-19T08:00:00.000Z',
  expected: '123456',
  actual: '0',
  difference: '-123456',
  transferIds: [],
  evidence: [{ fingerprint: 'f', operation: 'chat', quantities: { input_tokens: '4808', output_tokens: '10' } }],
  detail: 'The request is not charged.',
};

describe('the report', () => {
  it('escapes all that comes from outside', async () => {
    const hostile = { ...line, requestId: '<script>alert(1)</script>', detail: '"><img src=x onerror=alert(1)>' };
    const page = await render([hostile], 1);
    expect(page).not.toContain('<script>');
    expect(page).not.toContain('<img');
    expect(page).toContain('&lt;script&gt;');
  });

  it('says what each kind that was found means and what to do, and nothing of others', async () => {
    const page = await render([line], 1);
    expect(page).toContain('Used, and not charged.');
    expect(page).toContain('Post the charge under the request');
    expect(page).not.toContain('Charged more than once for one request.');
  });

  it('writes amounts for people, with the sign', async () => {
    const page = await render([line], 1);
    expect(page).toContain('1,234.56 USD');
    expect(page).toContain('-1,234.56 USD');
  });

  it('says where the rest is when it shows the first findings only', async () => {
    const page = await render([line], 2_500);
    expect(page).toContain('These are the first 1 of 2,500.');
    expect(page).toContain('findings.ndjson');
  });

  it('needs nothing from elsewhere', async () => {
    expect(await render([line], 1)).not.toMatch(/https?:|src=|<link/);
  });
});

describe('missing lines', () => {
  it('have a line for each request that is not charged', async () => {
    expect(await csvOf([line, { ...line, kind: 'duplicate' }])).toEqual([
      'f1,customer:acme,req-1,2026-11-19T08:00:00.000Z,chat,input_tokens=4808;output_tokens=10,USD/2,123456,',
    ]);
  });

  it('quote what would break a line', async () => {
    const [csv] = await csvOf([{ ...line, requestId: 'a,b"c' }]);
    expect(csv).toContain(',"a,b""c",');
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1'])('do not start a formula with %j', async (requestId) => {
    const [csv] = await csvOf([{ ...line, requestId }]);
    expect(csv).toMatch(/,"?'[=+\-@\t\r]/);
  });
});

async function render(findings: readonly FindingLine[], total: number): Promise<string> {
  const counter = createCounter();
  const { requestId, expected, difference, evidence, invoice, ...rest } = line;
  for (let count = 0; count < total; count += 1) {
    counter.finding({ ...rest, expected: 123_456n, actual: 0n, evidence: [] });
  }
  return renderReport(run, outcomeOf(counter.result()), findings);
}

async function csvOf(findings: readonly FindingLine[]): Promise<string[]> {
  async function* all() {
    yield* findings;
  }
  const [, ...lines] = await Array.fromAsync(missingLines(all()));
  return lines.map((text) => text.slice(0, -2));
}
