import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problem, reckoner, startService, type TestService } from './service.ts';

let service: TestService;
let directory: string;
beforeAll(async () => {
  service = await startService();
  directory = await mkdtemp(join(tmpdir(), 'reckoner-incident-'));
});
afterAll(async () => {
  await service.stop();
  await rm(directory, { recursive: true });
});

const outcome = {
  verdict: 'discrepancies',
  sentence: 'Reconciliation complete: 4 discrepancies found',
  findings: 4,
  findingsByKind: { missing: 2, duplicate: 1, 'balance-drift': 1 },
  totals: [
    {
      asset: 'USD/2',
      expected: '10000',
      actual: '9500',
      discrepancy: '-500',
      discrepancyPercent: '-5.00',
      overCharged: '100',
      underCharged: '600',
      undetermined: '0',
    },
  ],
  pairsCompared: 10,
  evidenceRows: 10,
  ledgerRows: 9,
  accountsSeen: 4,
  accountsAffected: 3,
  accountsAffectedIsMinimum: false,
  balancesChecked: 4,
  accountsTooBusy: 0,
  notPaired: 0,
};
const run = {
  id: 'daily-2026-11-19',
  status: 'succeeded',
  startDate: '2026-11-19',
  endDate: '2026-11-19',
  trigger: 'daily',
  requestedAt: '2026-11-20T02:00:00.000Z',
  finishedAt: '2026-11-20T02:05:00.000Z',
  progress: { slicesDone: 80, slicesTotal: 80 },
  outcome,
};
const verifying = {
  ...run,
  id: 'verify-fix',
  trigger: 'request',
  outcome: { ...outcome, verdict: 'clean', sentence: 'Reconciliation complete: 0 discrepancies found', findings: 0 },
};

const found = (kind: string, account: string, difference: string, at: string, cause?: string) =>
  `${JSON.stringify({ id: `${account}${at}`, kind, account, asset: 'USD/2', difference, at, cause })}\n`;
const FINDINGS = [
  found('missing', 'customer:small', '-100', '2026-11-19T08:22:00.000Z'),
  found('missing', 'customer:b|ig', '-500', '2026-11-19T09:00:00.000Z', 'account-not-opened'),
  found('duplicate', 'customer:small', '100', '2026-11-19T11:55:00.000Z'),
  found('balance-drift', 'customer:drifted', '-3', '2026-11-20T02:00:00.000Z'),
].join('');

const RESULTS = [
  'step_id,kind,account,request_id,asset,debit,credit,amount,effective_at,corrects,finding_id,detail,outcome,reason',
  's1,charge,customer:small,r1,USD/2,customer:small,platform:revenue,100,,,,,posted,',
  's2,reversal,customer:small,r2,USD/2,platform:revenue,customer:small,100,,,,,posted,',
  's3,charge,customer:big,r3,USD/2,customer:big,platform:revenue,500,,,,,refused,Too little available.',
  's4,ruling,customer:small,r4,USD/2,,,,,,,,posted,',
  '',
].join('\r\n');

const repair = {
  id: 'fix',
  kind: 'findings',
  of: run.id,
  kinds: ['backfill', 'dedupe'],
  startDate: run.startDate,
  endDate: run.endDate,
  status: 'applied',
  requestedBy: 'k-ann',
  requestedAt: '2026-11-20T08:41:00.000Z',
  approval: 'repair-fix',
  backup: 'arn:aws:dynamodb:us-east-1:000000000000:table/ledger/backup/1',
  counts: { posted: 3, refused: 1 },
  verification: { runId: 'verify-fix', verdict: 'clean', findings: 0 },
  finishedAt: '2026-11-20T10:05:00.000Z',
};
const approval = {
  id: 'repair-fix',
  action: 'repair.apply',
  target: 'repair:fix',
  hash: 'a'.repeat(64),
  summary: ['x'],
  state: 'used',
  requestedBy: 'k-ann',
  requestedAt: '2026-11-20T08:42:00.000Z',
  expiresAt: '2026-11-23T08:42:00.000Z',
  decidedBy: 'k-bob',
  decidedAt: '2026-11-20T09:05:00.000Z',
  reason: 'Looked at every step.',
};

let sequence = 0;
const audited = (at: string, actor: string, action: string, target: string, details: object = {}) => {
  sequence += 1;
  return { sequence, at, actor, action, target, details, previousHash: '0'.repeat(64), hash: '1'.repeat(64) };
};
const AUDIT = [
  audited('2026-11-20T02:00:00.000Z', 'run:daily-2026-11-19', 'reconciliation.started', 'run:daily-2026-11-19'),
  audited('2026-11-20T08:26:00.000Z', 'k-ann', 'ledger.paused', 'ledger', { reason: '| <b>Stop</b>' }),
  audited('2026-11-20T08:30:00.000Z', 'k-eve', 'key.created', 'key:other'),
  audited('2026-11-20T08:41:00.000Z', 'k-ann', 'repair.requested', 'repair:fix', { of: 'run:daily-2026-11-19' }),
  audited('2026-11-20T08:43:00.000Z', 'k-eve', 'repair.requested', 'repair:other', { of: 'run:other' }),
];
const LATER = [
  audited('2026-11-20T09:05:00.000Z', 'k-bob', 'approval.approved', 'approval:repair-fix'),
  audited('2026-11-20T10:05:00.000Z', 'repair:fix', 'repair.applied', 'repair:fix', { posted: '3' }),
  audited('2026-11-20T10:12:00.000Z', 'k-ann', 'ledger.resumed', 'ledger'),
  audited('2026-11-28T10:12:00.000Z', 'k-ann', 'ledger.paused', 'ledger', { reason: 'Something else' }),
];

const FROM = 'from=2026-11-19T08%3A22%3A00.000Z';

function script(change: { repair?: object; verifying?: object; audit?: readonly object[] } = {}) {
  const artifacts = { 'findings.ndjson': `${service.url}/findings` };
  const results = { 'results.csv': `${service.url}/results` };
  const { audit } = change;
  service.answer({
    [`GET /v1/reconciliations/${run.id}`]: { json: { ...run, artifacts } },
    'GET /v1/reconciliations/verify-fix': { json: { ...verifying, ...change.verifying } },
    'GET /v1/repairs/fix': { json: { ...repair, artifacts: results, ...change.repair } },
    'GET /v1/approvals/repair-fix': { json: approval },
    [`GET /v1/audit?${FROM}&limit=500`]: { json: audit ? { records: audit } : { records: AUDIT, next: '6' } },
    [`GET /v1/audit?${FROM}&limit=500&cursor=6`]: { json: { records: LATER } },
    'GET /findings': { text: FINDINGS },
    'GET /results': { text: RESULTS },
  });
}

const incident = (...more: string[]) => reckoner(['incident', run.id, '--url', service.url, '--key', 'k', ...more]);
const json = async () => JSON.parse((await incident('--json')).out);

describe('reckoner incident', () => {
  test('writes a page with everything that the books and the audit chain prove', async () => {
    script();
    const { code, out } = await incident();
    expect(code).toBe(0);
    expect(out).toContain('# Incident: daily-2026-11-19\n');
    expect(out).toContain('**Status**: resolved');
    const titles = [...out.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    expect(titles).toEqual([
      'Timeline',
      'Detection',
      'Root causes',
      'Customers affected',
      'Resolution',
      'Revenue impact',
      'Verdict after',
      'Contributing factors',
      'Action items',
      'Lessons learned',
    ]);
    expect(out).toContain('Detected by the daily reconciliation, run daily-2026-11-19, at 2026-11-20T02:05:00.000Z.');
    expect(out).toContain('From the first of it to its detection: 17 h 43 min.');
    expect(out).toContain('From detection to the verified repair: 8 h 0 min.');
    expect(out).toContain('| missing | 2 | Used, and not charged. | account-not-opened: 1 |  | 6.00 USD |');
    expect(out).toContain('| repair-fix | used | k-ann | k-bob | 2026-11-20T09:05:00.000Z | Looked at every step. |');
    expect(out).toContain('**clean**: Reconciliation complete: 0 discrepancies found (run verify-fix).');
  });

  test('tells what was done to this incident and to the ledger in its time, in order, and nothing else', async () => {
    script();
    const { timeline } = await json();
    expect(
      timeline.map(({ at, what }: { at: string; what: string }) => `${at.slice(5, 16)} ${what.split(' (')[0]}`),
    ).toEqual([
      '11-19T08:22 The first of what is wrong counts.',
      '11-20T02:00 reconciliation.started run:daily-2026-11-19',
      '11-20T08:26 ledger.paused ledger',
      '11-20T08:41 repair.requested repair:fix',
      '11-20T09:05 approval.approved approval:repair-fix',
      '11-20T10:05 repair.applied repair:fix',
      '11-20T10:12 ledger.resumed ledger',
    ]);
  });

  test('adds up what was posted, not what was planned, and says what of the revenue is still wrong', async () => {
    script();
    const { posted, revenue } = await json();
    expect(posted).toEqual([{ asset: 'USD/2', debited: '100', credited: '100', transfers: 2 }]);
    expect(revenue).toEqual([
      { asset: 'USD/2', overCharged: '100', underCharged: '600', misstated: '-500', open: '-500' },
    ]);
  });

  test('lists the customers that are most wrong first', async () => {
    script();
    const { customers } = await json();
    expect(customers).toEqual([
      {
        account: 'customer:b|ig',
        findings: 1,
        amounts: [{ asset: 'USD/2', overCharged: '0', underCharged: '500' }],
      },
      {
        account: 'customer:small',
        findings: 2,
        amounts: [{ asset: 'USD/2', overCharged: '100', underCharged: '100' }],
      },
      { account: 'customer:drifted', findings: 1, amounts: [] },
    ]);
  });

  test('lets no text from elsewhere become a cell or markup', async () => {
    script();
    const { out } = await incident();
    expect(out).toContain('customer:b\\|ig');
    expect(out).toContain('\\| \\<b\\>Stop\\</b\\>');
  });

  test('is open, and exits with 1, until a repair is verified to have left nothing', async () => {
    script({ audit: AUDIT.slice(0, 2) });
    const open = await incident();
    expect(open.code).toBe(1);
    expect(open.out).toContain('**Status**: open');
    expect(open.out).toContain('Nothing was repaired yet.');
    expect(open.out).toContain('No repair has been verified.');

    const verdict = { runId: 'verify-fix', verdict: 'discrepancies', findings: 1 };
    script({ repair: { verification: verdict }, verifying: { outcome } });
    expect(await incident()).toMatchObject({ code: 1, out: expect.stringContaining('**discrepancies**') });
  });

  test('--repair tells of one that was made for something else, such as an import', async () => {
    script({ audit: AUDIT.slice(0, 2) });
    const { out } = await incident('--repair', 'fix');
    expect(out).toContain('| fix | daily-2026-11-19 |');
  });

  test('--output saves it', async () => {
    script();
    const file = join(directory, 'incident.md');
    const { out, err } = await incident('--output', file);
    expect(out).toBe('');
    expect(err).toBe(`The record is in ${file}.\n`);
    expect(await readFile(file, 'utf8')).toContain('# Incident: daily-2026-11-19\n');
    const nowhere = join(directory, 'no', 'incident.md');
    expect(await incident('--output', nowhere)).toMatchObject({ code: 2, err: expect.stringContaining(nowhere) });
  });

  test('refuses a run that is not complete, or not there', async () => {
    service.answer({
      [`GET /v1/reconciliations/${run.id}`]: { json: { ...run, status: 'running', outcome: undefined } },
    });
    expect(await incident()).toMatchObject({
      code: 2,
      err: expect.stringContaining('is running; only a complete one'),
    });
    service.answer({ [`GET /v1/reconciliations/${run.id}`]: problem('not-found', 404) });
    expect((await incident()).code).toBe(2);
  });
});
