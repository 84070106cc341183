import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problem, reckoner, startService, type TestService } from './service.ts';

let service: TestService;
let directory: string;
beforeAll(async () => {
  service = await startService();
  directory = await mkdtemp(join(tmpdir(), 'reckoner-exports-'));
});
afterAll(async () => {
  await service.stop();
  await rm(directory, { recursive: true });
});

const call = (...argv: string[]) => reckoner(['invoices', ...argv, '--url', service.url, '--key', 'k']);
const run = {
  ...{ id: 'out', kind: 'export', month: '2026-10', status: 'requested', requestedBy: 'key' },
  ...{ requestedAt: '2026-11-03T08:00:00.000Z', progress: { slicesDone: 0 } },
};
const ended = (outcome: object, artifacts: Record<string, string>) => ({
  ...run,
  status: 'succeeded',
  progress: { slicesDone: 16, slicesTotal: 16 },
  outcome,
  artifacts: Object.fromEntries(Object.entries(artifacts).map(([name, path]) => [name, `${service.url}${path}`])),
});

describe('reckoner invoices export', () => {
  const outcome = { sentence: '2 documents of 2026-10 with 5 lines are written out, 0 of them final.', counts: {} };

  test('follows the run and saves the files that are asked for', async () => {
    service.answer({
      'POST /v1/billing-runs': { status: 202, json: run },
      'GET /v1/billing-runs/out': { json: ended(outcome, { 'invoices.csv': '/i.csv', 'lines.csv': '/l.csv' }) },
      'GET /i.csv': { text: 'InvoiceId\r\n' },
      'GET /l.csv': { text: 'LineId\r\n' },
    });
    const [output, lines] = [join(directory, 'i.csv'), join(directory, 'l.csv')];
    const asked = ['export', '--month', '2026-10', '--run-id', 'out', '--output', output, '--lines', lines];
    const { code, out, err } = await call(...asked);
    expect(code).toBe(0);
    expect(out.trimEnd().split('\n').at(-1)).toBe(outcome.sentence);
    expect(err).toContain(`lines.csv is in ${lines}.`);
    expect([await readFile(output, 'utf8'), await readFile(lines, 'utf8')]).toEqual(['InvoiceId\r\n', 'LineId\r\n']);
    expect(service.seen.find(({ method }) => method === 'POST')?.json).toEqual({
      ...{ id: 'out', kind: 'export', month: '2026-10' },
    });
  });

  test('says that a file is missing rather than saving nothing', async () => {
    service.answer({
      'POST /v1/billing-runs': { status: 200, json: run },
      'GET /v1/billing-runs/out': { json: ended(outcome, {}) },
    });
    const { code, err } = await call('export', '--month', '2026-10', '--run-id', 'out', '--output', 'never.csv');
    expect([code, err]).toEqual([2, expect.stringContaining('The run out left no invoices.csv.')]);
  });

  test('takes a month alone', async () => {
    expect(await call('export', '--month', '2026-13')).toMatchObject({
      code: 2,
      err: expect.stringContaining('month'),
    });
  });
});

describe('reckoner invoices page', () => {
  const ID = '2026-10:customer:acme';
  const invoice = {
    ...{
      id: ID,
      kind: 'invoice',
      month: '2026-10',
      account: 'customer:acme',
      status: 'draft',
      version: 1,
      asset: 'TOKEN',
    },
    ...{ digest: 'd'.repeat(64), opening: '0', closing: '0', due: '0', blocked: [], madeBy: 'october' },
    ...{ madeAt: '2026-11-03T08:00:00.000Z', lines: [], versions: [], corrections: [] },
  };
  const path = `GET /v1/invoices/${encodeURIComponent(ID)}`;

  test('saves the page of an invoice', async () => {
    service.answer({
      [path]: { json: { ...invoice, artifacts: { 'pages/x.html': `${service.url}/x.html` } } },
      'GET /x.html': { text: '<!doctype html>' },
    });
    const output = join(directory, 'page.html');
    expect(await call('page', ID, '--output', output)).toMatchObject({
      code: 0,
      out: `The page of ${ID} is in ${output}.\n`,
    });
    expect(await readFile(output, 'utf8')).toBe('<!doctype html>');
  });

  test('says what to do where there is none', async () => {
    service.answer({ [path]: { json: invoice } });
    const { code, err } = await call('page', ID, '--output', 'never.html');
    expect([code, err]).toEqual([2, expect.stringContaining('reckoner invoices export --month 2026-10')]);
  });
});

describe('reckoner invoices notices', () => {
  const told = { account: 'customer:acme', outcome: 'sent', text: 'Subject: Hello\n\nDear \u001b[31mcustomer\n' };
  const before = { account: 'customer:bolt', outcome: 'sent-before' };
  const outcome = (counts: Record<string, number>) => ({ sentence: '1 notices of anew were sent.', counts });
  const answer = (counts: Record<string, number>) =>
    service.answer({
      'POST /v1/billing-runs': { status: 202, json: { ...run, id: 'tell', kind: 'notices' } },
      'GET /v1/billing-runs/tell': {
        json: { ...ended(outcome(counts), { 'notices.ndjson': '/n.ndjson' }), id: 'tell', kind: 'notices' },
      },
      'GET /n.ndjson': { text: `${JSON.stringify(told)}\n${JSON.stringify(before)}\n` },
    });
  const ask = (...more: string[]) => call('notices', '--of', 'anew', '--run-id', 'tell', ...more);

  test('asks for the run with the percentage that the house bears, and prints what was sent', async () => {
    answer({ sent: 1, 'sent-before': 1 });
    const { code, out } = await ask('--goodwill-percent', '25', '--print');
    expect(code).toBe(0);
    expect(out).toContain('--- customer:acme\nSubject: Hello\n\nDear ?[31mcustomer\n');
    expect(out).not.toContain('--- customer:bolt');
    expect(out.trimEnd().split('\n').at(-1)).toBe('1 notices of anew were sent.');
    expect(service.seen.findLast(({ method }) => method === 'POST')?.json).toEqual({
      ...{ id: 'tell', kind: 'notices', of: 'anew', goodwillPercent: 25 },
    });
  });

  test.each(['unknown', 'blocked', 'overtaken'])('exits with 1 where a notice is %s', async (what) => {
    answer({ sent: 1, [what]: 1 });
    expect((await ask()).code).toBe(1);
  });

  test('tells the refusal of a run that is not complete', async () => {
    service.answer({ 'POST /v1/billing-runs': problem('billing-state', 409) });
    expect(await ask()).toMatchObject({ code: 2, err: expect.stringContaining('billing-state') });
  });
});
