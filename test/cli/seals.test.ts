import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problem, reckoner, startService, type TestService } from './service.ts';

let service: TestService;
let directory: string;
beforeAll(async () => {
  service = await startService();
  directory = await mkdtemp(join(tmpdir(), 'reckoner-seals-'));
});
afterAll(async () => {
  await service.stop();
  await rm(directory, { recursive: true });
});

const ID = 'manual-2026-11-01-01234567';
const HASH = 'a'.repeat(64);
const run = {
  ...{ id: ID, status: 'requested', from: '2026-11-01', to: '2026-11-30', days: 30, trigger: 'request' },
  ...{ requestedAt: '2026-12-01T00:00:00.000Z', progress: { slicesDone: 0 } },
};
const intact = {
  ...{ verdict: 'intact', sentence: 'Seals intact: everything is as it was sealed', changes: 0 },
  ...{
    changesByKind: {},
    firstChanges: [],
    faults: 0,
    firstFaults: [],
    daysNotSealed: [],
    unsealed: 0,
    daysUnsealed: [],
    entries: 1_234,
  },
};
const change = { account: 'customer:acme', day: '2026-11-03', transfer: 't-1', what: 'edited', seal: 3 };
const broken = {
  ...{ ...intact, verdict: 'broken', sentence: 'Seals broken: 102 changes since the ledger was sealed', changes: 102 },
  firstChanges: [change, { ...change, transfer: 't-2\u001b[31m', what: 'removed' }],
  ...{ faults: 1, firstFaults: [{ kind: 'cut', sequence: 9, sentence: 'The chain was cut: the table lists seal 9.' }] },
};

const call = (...argv: string[]) => reckoner(['seal', ...argv, '--url', service.url, '--key', 'k']);
const verify = (...more: string[]) => call('verify', '--from', '2026-11-01', '--to', '2026-11-30', ...more);
const ending = (over: object) => {
  const links = { 'changes.ndjson': `${service.url}/changes.ndjson` };
  const end = {
    ...run,
    status: 'succeeded',
    progress: { slicesDone: 480, slicesTotal: 480 },
    artifacts: links,
    ...over,
  };
  service.answer({
    'POST /v1/seals/verifications': { status: 202, json: run },
    [`GET /v1/seals/verifications/${ID}`]: [{ json: { ...run, status: 'running' } }, { json: end }],
    'GET /changes.ndjson': { text: `${JSON.stringify(change)}\n` },
  });
};

describe('reckoner seal verify', () => {
  test('starts a verification, follows it and exits with 0 when nothing was changed', async () => {
    ending({ outcome: intact });
    const { code, out, err } = await verify();
    expect(code).toBe(0);
    expect(service.seen[0]).toMatchObject({ json: { id: ID, from: '2026-11-01', to: '2026-11-30' } });
    expect(out).toBe('Seals intact: everything is as it was sealed\n');
    expect(err).toBe(`Verification ${ID} of 2026-11-01 to 2026-11-30 was started.\n`);
  });

  test('names each change and each fault, and exits with 1', async () => {
    ending({ outcome: broken });
    const { code, out } = await verify();
    expect(code).toBe(1);
    expect(out).toMatch(/customer:acme +│ 2026-11-03 │ t-1 +│ edited +│ +3/);
    expect(out).toMatch(/t-2\?\[31m +│ removed/);
    expect(out).toContain('100 more: save all with --changes-output.');
    expect(out).toContain('The chain was cut: the table lists seal 9.');
    expect(out.trimEnd().split('\n').at(-1)).toBe(broken.sentence);
  });

  test('saves all changes where it is told to', async () => {
    ending({ outcome: broken });
    const file = join(directory, 'changes.ndjson');
    const { err } = await verify('--changes-output', file);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(change);
    expect(err).toContain(`The changes are in ${file}.`);
  });

  test('exits with 2 where days were never sealed, and names them', async () => {
    ending({ outcome: { ...intact, verdict: 'not-sealed', sentence: 'Not sealed', daysNotSealed: ['2026-11-30'] } });
    const { code, out } = await verify();
    expect(code).toBe(2);
    expect(out).toContain('Never sealed: 2026-11-30');
  });

  test('prints the verification as JSON', async () => {
    ending({ outcome: broken });
    const { code, out } = await verify('--json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ id: ID, outcome: { changes: 102 } });
  });

  test('exits with 2 and the reason when it fails or is refused', async () => {
    ending({ status: 'failed', error: { name: 'SealedObjectLostError', cause: 'It is gone.' } });
    const failed = await verify();
    expect([failed.code, failed.out]).toEqual([2, '']);
    expect(failed.err).toContain('It failed: SealedObjectLostError: It is gone.');
    expect(failed.err).toContain(`--id ${ID}`);
    service.answer({ 'POST /v1/seals/verifications': problem('conflict', 422) });
    expect((await verify()).code).toBe(2);
    expect((await call('verify', '--from', 'soon', '--to', '2026-11-30')).code).toBe(2);
  });
});

test('reckoner seal now seals a day and tells the seal', async () => {
  const id = 'manual-2026-11-19-01234567';
  const day = { from: '2026-11-19', to: '2026-11-19' };
  const end = { ...run, ...day, id, status: 'succeeded', outcome: { ...intact, seal: { sequence: 7, hash: HASH } } };
  service.answer({ 'POST /v1/seals': { status: 202, json: { ...run, id } }, [`GET /v1/seals/${id}`]: { json: end } });
  const { code, out } = await call('now', '--day', '2026-11-19');
  expect(code).toBe(0);
  expect(service.seen[0]).toMatchObject({ json: { id, ...day } });
  expect(out).toContain(`Seal 7, hash ${HASH}`);
});

test('reckoner seal list shows seals, and says that there are more', async () => {
  const seal = {
    ...{ sequence: 7, id: 'daily-2026-11-19', sealedAt: '2026-11-20T04:00:00.000Z', entries: 1_234 },
    ...{ recordedUntil: '2026-11-20T03:40:00.000Z', days: ['2026-11-12', '2026-11-19'] },
    ...{ contents: HASH, previousHash: HASH, hash: HASH },
  };
  service.answer({
    'GET /v1/seals?limit=1': { json: { seals: [seal], next: '7' } },
    'GET /v1/seals?limit=50': { json: { seals: [] } },
  });
  const listed = await call('list', '--limit', '1');
  expect(listed.out).toMatch(
    /7 │ daily-2026-11-19 │ 2026-11-20T04:00:00.000Z │ 2026-11-12 to 2026-11-19 │ +1,234 │ a{16} /,
  );
  expect(listed.err).toContain('There are older ones');
  expect((await call('list')).out).toBe('There are no seals yet.\n');
});
