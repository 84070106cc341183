import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { problem, reckoner, startService, type TestService } from './service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const HASH = 'a'.repeat(64);
const RUN = {
  ...{ id: 'october', kind: 'regenerate', month: '2026-10', status: 'succeeded', requestedBy: 'key' },
  ...{ requestedAt: '2026-11-02T06:00:00.000Z', progress: { slicesDone: 32, slicesTotal: 32 } },
  outcome: {
    sentence: 'Invoices of 2026-10: 0 created, 1 changed, 7 unchanged, 0 corrections of final ones, 0 blocked.',
    counts: { changed: 1, unchanged: 7 },
    totals: [{ asset: 'USD/2', before: '86100', after: '41600' }],
  },
};
const INVOICE = {
  ...{ id: '2026-10:customer:acme', kind: 'invoice', month: '2026-10', account: 'customer:acme', status: 'draft' },
  ...{ version: 2, digest: HASH, asset: 'USD/2', opening: '0', closing: '-86100', due: '86100', blocked: [] },
  ...{ madeBy: 'october', madeAt: '2026-11-02T06:00:00.000Z' },
};
const operate = (...argv: string[]) => reckoner(['--url', service.url, '--key', 'k', 'invoices', ...argv]);
const answerRun = (run: object) =>
  service.answer({
    'POST /v1/billing-runs': { status: 202, json: { ...RUN, ...run, status: 'requested', outcome: undefined } },
    'GET /v1/billing-runs/october': { json: { ...RUN, ...run } },
  });

describe('reckoner invoices', () => {
  it('starts a run, follows it and tells what it came to', async () => {
    answerRun({});
    const { code, out, err } = await operate('regenerate', '--month', '2026-10', '--run-id', 'october');
    expect(code).toBe(0);
    expect(service.seen[0]?.json).toEqual({ id: 'october', kind: 'regenerate', month: '2026-10' });
    expect(err).toContain('Billing run october (regenerate) was started.');
    expect(out).toContain('-445.00 USD');
    expect(out.trimEnd().endsWith(RUN.outcome.sentence)).toBe(true);
  });

  it('exits with 1 when invoices are blocked', async () => {
    answerRun({ kind: 'generate', outcome: { ...RUN.outcome, counts: { created: 8, blocked: 1 } } });
    expect((await operate('generate', '--month', '2026-10', '--run-id', 'october')).code).toBe(1);
  });

  it('says why a run failed, and exits with 2', async () => {
    answerRun({ status: 'failed', outcome: undefined, error: { name: 'StoreUnavailableError', cause: 'throttled' } });
    const { code, err } = await operate('generate', '--month', '2026-10', '--run-id', 'october');
    expect(code).toBe(2);
    expect(err).toContain('StoreUnavailableError: throttled');
  });

  it('asks a second person after a review, and exits with 3', async () => {
    answerRun({ kind: 'review', outcome: { ...RUN.outcome, hash: HASH, approval: 'invoices-october' } });
    const { code, err } = await operate('review', '--month', '2026-10', '--run-id', 'october');
    expect(code).toBe(3);
    expect(err).toContain(`reckoner approve invoices-october --hash ${HASH}`);
    expect(err).toContain('reckoner invoices finalize --review october');
  });

  it('finalizes by the hash of the review, and waits for its approval with 3', async () => {
    service.answer({
      'GET /v1/billing-runs/october': { json: { ...RUN, kind: 'review', outcome: { ...RUN.outcome, hash: HASH } } },
      'POST /v1/billing-runs': [
        problem('approval-needed', 409),
        { status: 202, json: { ...RUN, id: 'finalize-october' } },
      ],
      'GET /v1/billing-runs/finalize-october': { json: { ...RUN, id: 'finalize-october', kind: 'finalize' } },
    });
    expect((await operate('finalize', '--review', 'october')).code).toBe(3);
    expect((await operate('finalize', '--review', 'october')).code).toBe(0);
    const body = { id: 'finalize-october', kind: 'finalize', review: 'october', hash: HASH };
    expect(service.seen.filter(({ method }) => method === 'POST').map(({ json }) => json)).toEqual([body, body]);
  });

  it('lists a month, all its pages', async () => {
    service.answer({
      'GET /v1/invoices?month=2026-10&status=draft&limit=500': { json: { invoices: [INVOICE], next: 'n' } },
      'GET /v1/invoices?month=2026-10&status=draft&limit=500&cursor=n': {
        json: { invoices: [{ ...INVOICE, id: '2026-10:customer:bolt', blocked: ['It does not tie.'] }] },
      },
    });
    const { code, out } = await operate('list', '--month', '2026-10', '--status', 'draft');
    expect(code).toBe(0);
    expect(out).toMatch(/2026-10:customer:acme .*861\.00 USD/);
    expect(out).toMatch(/2026-10:customer:bolt .*draft, blocked/);
  });

  it('shows an invoice with its lines, and exits with 1 where it is blocked', async () => {
    const line = {
      unit: 'customer:acme',
      type: 'usage',
      description: 'chat',
      quantity: '72',
      amount: '86100',
      due: true,
    };
    const whole = { ...INVOICE, lines: [line], versions: [], corrections: [] };
    service.answer({
      'GET /v1/invoices/2026-10%3Acustomer%3Aacme': [
        { json: whole },
        { json: { ...whole, blocked: ['It does not tie.'] } },
      ],
    });
    const shown = await operate('show', '2026-10:customer:acme');
    expect(shown.code).toBe(0);
    expect(shown.out).toMatch(/chat .*72 .*861\.00 USD/);
    const blocked = await operate('show', '2026-10:customer:acme');
    expect(blocked.code).toBe(1);
    expect(blocked.out).toContain('It does not tie.');
  });

  it('compares versions line by line', async () => {
    const change = {
      unit: 'customer:acme',
      type: 'usage',
      description: 'chat',
      quantityBefore: '71',
      quantityAfter: '72',
    };
    const json = {
      id: INVOICE.id,
      asset: 'USD/2',
      from: 1,
      to: 2,
      changes: [{ ...change, amountBefore: '41600', amountAfter: '86100' }],
    };
    service.answer({ 'GET /v1/invoices/2026-10%3Acustomer%3Aacme/diff?from=1': { json } });
    const { out } = await operate('diff', '2026-10:customer:acme', '--from', '1');
    expect(out).toContain('version 1 to version 2: 1 line changed.');
    expect(out).toContain('445.00 USD');
  });

  it('refuses a month that is none before it asks anybody', async () => {
    service.answer({});
    const { code, err } = await operate('generate', '--month', 'October');
    expect(code).toBe(2);
    expect(err).toContain('must be a calendar month');
    expect(service.seen).toEqual([]);
  });
});
