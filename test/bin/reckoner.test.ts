import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startService, type TestService } from '../cli/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const PROGRAM = new URL('../../bin/reckoner.ts', import.meta.url).pathname;

function reckoner(...argv: string[]) {
  const env = { ...process.env, RECKONER_URL: service.url, RECKONER_KEY: 'k' };
  return spawn(process.execPath, [PROGRAM, ...argv], { env, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The service has a run with three discrepancies, whose list of findings is this. */
function script(findings: string) {
  const counts = ['pairsCompared', 'evidenceRows', 'ledgerRows', 'accountsSeen', 'accountsAffected', 'balancesChecked'];
  const outcome = {
    verdict: 'discrepancies',
    sentence: 'Reconciliation complete: 3 discrepancies found',
    findings: 3,
    findingsByKind: { missing: 3 },
    totals: [],
    ...Object.fromEntries(counts.map((name) => [name, 1])),
    accountsAffectedIsMinimum: false,
    accountsTooBusy: 0,
    notPaired: 0,
  };
  const run = {
    id: 'r',
    status: 'succeeded',
    startDate: '2026-11-01',
    endDate: '2026-11-01',
    trigger: 'request',
    requestedAt: '2026-11-02T00:00:00.000Z',
    progress: { slicesDone: 1, slicesTotal: 1 },
    outcome,
    artifacts: { 'findings.ndjson': `${service.url}/findings` },
  };
  service.answer({
    'POST /v1/reconciliations': { status: 202, json: run },
    'GET /v1/reconciliations/r': { json: run },
    'GET /findings': { text: findings },
  });
}

const RECONCILE = ['reconcile', '--id', 'r', '--start-date', '2026-11-01', '--end-date', '2026-11-01', '--detailed'];

describe('the program', () => {
  test('exits with what was found, even when nobody reads its output to the end', async () => {
    script(`${JSON.stringify({ kind: 'missing', account: 'customer:a', pad: 'x'.repeat(100) })}\n`.repeat(900));
    for (const deaf of [['stdout'], ['stdout', 'stderr']] as const) {
      const child = reckoner(...RECONCILE);
      for (const name of deaf) child[name].destroy();
      expect(await once(child, 'exit')).toEqual([1, null]);
    }
  });

  test('exits with 2 and one sentence when something happens that nobody foresaw', async () => {
    script('{"of":"another version"}\n');
    const child = reckoner(...RECONCILE);
    const [[code], err] = await Promise.all([once(child, 'exit'), text(child.stderr)]);
    expect(code).toBe(2);
    expect(err).toContain('Something went wrong that should not: ');
    expect(err.trimEnd().split('\n')).toHaveLength(2);
  });
});
