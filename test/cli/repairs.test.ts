import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { problem, reckoner, startService, type TestService } from './service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const HASH = 'a'.repeat(64);
const PLAN = {
  hash: HASH,
  plannedAt: '2026-11-20T08:00:00.000Z',
  goodUntil: '2026-11-21T08:00:00.000Z',
  steps: 3,
  parts: 1,
  answered: 3,
  left: 0,
  stepsByKind: { charge: 2, reversal: 1, transfer: 0, ruling: 0, rebalance: 0 },
  accounts: 2,
  totals: [{ asset: 'USD/2', charged: '1250', givenBack: '300', rebalanced: '0', overCharged: 1, underCharged: 1 }],
  aboveThreshold: false,
};
const PLANNED = {
  ...{ id: 'fix', kind: 'findings', of: 'found', kinds: ['backfill'], decisions: {} },
  ...{ startDate: '2026-11-19', endDate: '2026-11-19', status: 'planned' },
  ...{ requestedBy: 'key', requestedAt: '2026-11-20T08:00:00.000Z', plan: PLAN },
};
const APPLYING = { ...PLANNED, status: 'applying', progress: { partsDone: 0 } };
const applied = (verdict: string, findings: number, counts: object = { posted: 3 }) => ({
  ...{ ...PLANNED, status: 'applied', counts },
  verification: { runId: 'verify-fix', verdict, findings },
});
const operate = (...argv: string[]) => reckoner(['--url', service.url, '--key', 'k', ...argv]);

describe('a dry run', () => {
  it('is the default: it plans over the findings of a run and posts nothing', async () => {
    service.answer({
      'POST /v1/repairs': { status: 202, json: { ...PLANNED, status: 'requested', plan: undefined } },
      'GET /v1/repairs/fix': [{ json: { ...PLANNED, status: 'planning', plan: undefined } }, { json: PLANNED }],
    });
    const { code, out, err } = await operate('backfill', '--run', 'found', '--run-id', 'fix');
    expect(code).toBe(0);
    expect(out).toContain('12.50 USD');
    expect(out).toContain('3 (2 charge, 1 reversal) for 2 accounts');
    expect(err).toContain('Nothing was posted. To post it: reckoner repairs fix --apply');
    expect(service.seen[0]?.json).toEqual({ id: 'fix', runId: 'found', kinds: ['backfill'] });
    expect(service.seen.map(({ path }) => path)).not.toContain('/v1/repairs/fix/apply');
  });

  it('reconciles the days first where no run is named', async () => {
    const run = {
      ...{ id: 'manual-2026-11-19-01234567', status: 'succeeded', startDate: '2026-11-19', endDate: '2026-11-19' },
      ...{ trigger: 'request', requestedAt: '2026-11-20T08:00:00.000Z', progress: { slicesDone: 1, slicesTotal: 1 } },
      outcome: {
        ...{ verdict: 'discrepancies', sentence: 'Reconciliation complete: 3 discrepancies found', findings: 3 },
        ...{ findingsByKind: {}, totals: [], pairsCompared: 1, evidenceRows: 1, ledgerRows: 1, accountsSeen: 1 },
        ...{
          accountsAffected: 1,
          accountsAffectedIsMinimum: false,
          balancesChecked: 1,
          accountsTooBusy: 0,
          notPaired: 0,
        },
      },
    };
    service.answer({
      'POST /v1/reconciliations': { status: 202, json: run },
      'GET /v1/reconciliations/manual-2026-11-19-01234567': { json: run },
      'POST /v1/repairs': { status: 202, json: PLANNED },
      'GET /v1/repairs/fix': { json: { ...PLANNED, plan: { ...PLAN, left: 2 } } },
    });
    const days = ['--start-date', '2026-11-19', '--end-date', '2026-11-19'];
    const { code, err } = await operate('dedupe', ...days, '--run-id', 'fix');
    expect(err).toContain('3 discrepancies found');
    expect(code).toBe(1);
  });

  it('of a repair of its own takes kinds and decisions', async () => {
    service.answer({
      'POST /v1/repairs': { status: 202, json: PLANNED },
      'GET /v1/repairs/fix': { json: PLANNED },
    });
    await operate(
      'repair',
      'found',
      '--kinds',
      'backfill',
      '--decide',
      'f1=reverse',
      '--decide',
      'f2=leave',
      '--run-id',
      'fix',
    );
    expect(service.seen[0]?.json).toEqual({
      ...{ id: 'fix', runId: 'found', kinds: ['backfill', 'decide'] },
      decisions: { f1: 'reverse', f2: 'leave' },
    });
    expect((await operate('repair', 'found', '--kinds', 'invent')).code).toBe(2);
    expect((await operate('repair', 'found', '--decide', 'f1=perhaps')).code).toBe(2);
    expect((await operate('backfill')).err).toContain('--start-date and --end-date, or with --run');
  });

  it('says why nothing could be planned', async () => {
    const error = { name: 'PlanTooLargeError', cause: 'too many findings' };
    service.answer({
      'POST /v1/repairs': { status: 202, json: PLANNED },
      'GET /v1/repairs/fix': { json: { ...PLANNED, status: 'failed', plan: undefined, error } },
    });
    const { code, err } = await operate('backfill', '--run', 'found', '--run-id', 'fix');
    expect(code).toBe(2);
    expect(err).toContain('Nothing was planned: PlanTooLargeError');
  });
});

describe('applying', () => {
  const script = (ended: object) => ({
    'GET /v1/repairs/fix': [{ json: PLANNED }, { json: APPLYING }, { json: ended }],
    'POST /v1/repairs/fix/apply': { status: 202, json: APPLYING },
  });

  it.each([
    ['the books agree', applied('clean', 0), 0],
    ['something still disagrees', applied('discrepancies', 2), 1],
    ['a step was not posted', applied('clean', 0, { posted: 2, refused: 1 }), 1],
    ['the books moved', { ...PLANNED, status: 'stale' }, 2],
    ['it broke off', { ...PLANNED, status: 'failed', error: { name: 'Killed', cause: 'power' } }, 2],
    ['a rollback is whole', { ...applied('discrepancies', 3), kind: 'rollback' }, 0],
    ['a rollback is not', { ...applied('discrepancies', 3), kind: 'rollback', plan: { ...PLAN, left: 1 } }, 1],
  ])('exits by what came of it: %s', async (_, ended, expected) => {
    service.answer(script(ended));
    const { code } = await operate('repairs', 'fix', '--apply');
    expect(code).toBe(expected);
    expect(service.seen.find(({ path }) => path.endsWith('/apply'))?.json).toEqual({ hash: HASH });
  });

  it('takes a repair over from an execution that has ended without a word', async () => {
    service.answer({
      ...script(applied('clean', 0)),
      'GET /v1/repairs/fix': [{ json: APPLYING }, { json: applied('clean', 0) }],
    });
    expect((await operate('repairs', 'fix', '--apply', '--take-over')).code).toBe(0);
    expect(service.seen.find(({ path }) => path.endsWith('/apply'))?.json).toEqual({ hash: HASH, takeOver: true });
  });

  it('that needs a second person says what that one types, and exits by 3', async () => {
    service.answer({
      'GET /v1/repairs/fix': { json: { ...PLANNED, approval: 'approval-1' } },
      'POST /v1/repairs/fix/apply': problem('approval-needed', 409),
    });
    const { code, err } = await operate('repairs', 'fix', '--apply');
    expect(code).toBe(3);
    expect(err).toContain(`reckoner approve approval-1 --hash ${HASH}`);
  });

  it('waits for the second person where it is told to', async () => {
    const approval = {
      ...{ id: 'approval-1', action: 'repair.apply', target: 'repair:fix', hash: HASH, summary: [] },
      ...{ requestedBy: 'key', requestedAt: '2026-11-20T08:00:00.000Z', expiresAt: '2026-11-21T08:00:00.000Z' },
    };
    service.answer({
      'GET /v1/repairs/fix': [{ json: { ...PLANNED, approval: 'approval-1' } }, { json: applied('clean', 0) }],
      'POST /v1/repairs/fix/apply': [problem('approval-needed', 409), { status: 202, json: APPLYING }],
      'GET /v1/approvals/approval-1': [
        { json: { ...approval, state: 'requested' } },
        { json: { ...approval, state: 'approved' } },
      ],
    });
    expect((await operate('repairs', 'fix', '--apply', '--wait')).code).toBe(0);
  });
});

it('plans a rollback of a repair', async () => {
  service.answer({
    'POST /v1/repairs/fix/rollback': { status: 202, json: { ...PLANNED, id: 'undo' } },
    'GET /v1/repairs/undo': { json: { ...PLANNED, id: 'undo', kind: 'rollback', of: 'fix' } },
  });
  const { code, out } = await operate('rollback', 'fix', '--run-id', 'undo');
  expect(code).toBe(0);
  expect(out).toContain('Rollback of');
  expect(service.seen[0]?.json).toEqual({ id: 'undo' });
});

it('lists repairs, and prints one as JSON', async () => {
  service.answer({
    'GET /v1/repairs': { json: { repairs: [applied('clean', 0)] } },
    'GET /v1/repairs/fix': { json: PLANNED },
  });
  expect((await operate('repairs')).out).toContain('clean');
  expect(JSON.parse((await operate('repairs', 'fix', '--json')).out)).toEqual(PLANNED);
  expect((await operate('repairs', '--apply')).code).toBe(2);
});
