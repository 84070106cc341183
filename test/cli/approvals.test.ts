import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problem, reckoner, startService, type TestService } from './service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const HASH = 'a'.repeat(64);
const approval = {
  id: 'repair-1',
  action: 'repair.apply',
  target: 'repair:1',
  hash: HASH,
  summary: ['Reverse 2 charges of customer:acme', 'TOKEN 10'],
  state: 'requested',
  requestedBy: '0000000000000001',
  requestedAt: '2026-11-20T08:00:00.000Z',
  expiresAt: '2026-11-23T08:00:00.000Z',
};
const approved = { ...approval, state: 'approved', decidedBy: '0000000000000002' };
const run = (...argv: string[]) => reckoner(['--url', service.url, ...argv]);

describe('reckoner approvals', () => {
  test('lists the latest, and those of one state', async () => {
    service.answer({
      'GET /v1/approvals?limit=100': { json: { approvals: [approval], next: 'x' } },
      'GET /v1/approvals?state=used&limit=100': { json: { approvals: [] } },
    });
    const { code, out, err } = await run('approvals');
    expect(code).toBe(0);
    expect(out).toMatch(/repair-1 │ repair.apply │ repair:1 │ requested │ 0000000000000001/);
    expect(err).toBe('Only the latest 100 were looked at.\n');
    expect((await run('approvals', '--state', 'used')).out).toBe('There are no such approvals.\n');
    expect(JSON.parse((await run('approvals', '--json')).out)).toEqual({ approvals: [approval], next: 'x' });
  });

  test('shows exactly what one is asked for, with its hash', async () => {
    service.answer({ 'GET /v1/approvals/repair-1': { json: approval } });
    const { out } = await run('approvals', 'repair-1');
    expect(out).toContain(`Hash      ${HASH}\n\nReverse 2 charges of customer:acme\nTOKEN 10\n`);
    expect(JSON.parse((await run('approvals', 'repair-1', '--json')).out)).toEqual(approval);
  });

  test('never lets what is shown move the cursor', async () => {
    service.answer({ 'GET /v1/approvals/x': { json: { ...approval, summary: ['\u001b[2Jnothing'] } } });
    expect((await run('approvals', 'x')).out).toContain('?[2Jnothing');
  });
});

describe('reckoner approve', () => {
  const path = 'POST /v1/approvals/repair-1/approve';

  test('sends the hash that was shown, again until the service answers', async () => {
    service.answer({ [path]: [problem('unavailable', 503), { json: approved }] });
    const { code, out } = await run('approve', 'repair-1', '--hash', HASH, '--reason', 'Looks right.');
    expect(code).toBe(0);
    expect(service.seen.map(({ json }) => json)).toEqual(Array(2).fill({ hash: HASH, reason: 'Looks right.' }));
    expect(out).toContain('State       approved\n');
  });

  test('does nothing without a hash, and says why it was refused', async () => {
    expect(await run('approve', 'repair-1')).toMatchObject({ code: 2, err: expect.stringContaining('--hash <hash>') });
    service.answer({ [path]: problem('own-request', 403, { detail: 'Somebody else must decide.' }) });
    expect(await run('approve', 'repair-1', '--hash', HASH)).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('Somebody else must decide.'),
    });
  });
});

test('reckoner reject says why', async () => {
  service.answer({ 'POST /v1/approvals/repair-1/reject': { json: { ...approval, state: 'rejected' } } });
  expect(await run('reject', 'repair-1')).toMatchObject({ code: 2, err: expect.stringContaining('--reason <text>') });
  const { code, out } = await run('reject', 'repair-1', '--reason', 'Too many.');
  expect([code, service.seen[0]?.json]).toEqual([0, { reason: 'Too many.' }]);
  expect(out).toContain('rejected');
});
