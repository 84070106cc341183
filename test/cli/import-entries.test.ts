import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problem, reckoner, startService, type TestService } from './service.ts';

const CSV = 'account,request_id,operation,occurred_at,amount\ncustomer:acme,r-1,chat,2026-11-19T10:00:00Z,5\n';
const HASH = 'a'.repeat(64);

let service: TestService;
let directory: string;
let csv: string;
beforeAll(async () => {
  service = await startService();
  directory = await mkdtemp(join(tmpdir(), 'reckoner-entries-'));
  csv = join(directory, 'entries.csv');
  await writeFile(csv, CSV);
});
afterAll(async () => {
  await service.stop();
  await rm(directory, { recursive: true });
});

const requested = {
  id: 'run-1',
  kind: 'import',
  of: 'sha256:0',
  startDate: '2026-11-19',
  endDate: '2026-11-19',
  status: 'requested',
  requestedBy: 'k',
  requestedAt: '2026-11-20T08:00:00.000Z',
};
const plan = {
  hash: HASH,
  plannedAt: '2026-11-20T08:00:00.000Z',
  goodUntil: '2026-11-21T08:00:00.000Z',
  steps: 120,
  parts: 1,
  answered: 120,
  left: 0,
  entries: { read: 130, unchanged: 8, duplicates: 2, refused: 0 },
  stepsByKind: { charge: 120 },
  accounts: 2,
  totals: [{ asset: 'USD/2', charged: '12345', givenBack: '0', rebalanced: '0', overCharged: 0, underCharged: 1 }],
  aboveThreshold: false,
};
const planned = { ...requested, status: 'planned', plan };
const applied = {
  ...planned,
  status: 'applied',
  counts: { posted: 119, 'already-posted': 1 },
  verification: { runId: 'verify-run-1', verdict: 'clean', findings: 0 },
};

function script(...states: readonly object[]) {
  const upload = { method: 'PUT', url: `${service.url}/upload`, expiresAt: '2026-11-20T08:15:00.000Z' };
  service.answer({
    'POST /v1/repairs': { status: 202, json: { ...requested, upload } },
    'PUT /upload': {},
    'POST /v1/repairs/run-1/plan': { status: 202, json: requested },
    'GET /v1/repairs/run-1': states.map((json) => ({ json })),
    'POST /v1/repairs/run-1/apply': { status: 202, json: { ...planned, status: 'applying' } },
    'GET /errors': {
      text: Array.from({ length: 7 }, (_, index) => `{"line":${index + 2},"field":"amount","rule":"is wrong"}\n`).join(
        '',
      ),
    },
  });
}

const importEntries = (...more: string[]) =>
  reckoner(['import', 'entries', '--csv', csv, '--run-id', 'run-1', '--url', service.url, '--key', 'k', ...more]);
const calls = () => service.seen.map(({ method, path }) => `${method} ${path}`);

describe('reckoner import entries', () => {
  test('is a dry run by default: it sends the file, counts its rows and posts nothing', async () => {
    script({ ...requested, status: 'planning' }, planned);
    const { code, out, err } = await importEntries('--batch-size', '500');
    expect(code).toBe(0);
    const sha256 = createHash('sha256').update(CSV).digest('hex');
    expect(service.seen[0]?.json).toEqual({ id: 'run-1', import: { sha256, batchSize: 500 } });
    expect(service.seen[1]?.body.toString()).toBe(CSV);
    expect(calls().slice(0, 3)).toEqual(['POST /v1/repairs', 'PUT /upload', 'POST /v1/repairs/run-1/plan']);
    expect(calls()).not.toContain('POST /v1/repairs/run-1/apply');
    expect(out).toMatch(/Rows read +130/);
    expect(out).toMatch(/To insert +120/);
    expect(out).toMatch(/Unchanged +8/);
    expect(out).toMatch(/Said twice +2/);
    expect(out).toMatch(/Charged +123\.45 USD/);
    expect(err).toContain('Nothing was posted. Run the same command with --apply');
  });

  test('--apply posts exactly the plan that was counted, and says what became of it', async () => {
    script(planned, { ...planned, status: 'applying', progress: { partsDone: 0 } }, applied);
    const { code, out } = await importEntries('--apply');
    expect(code).toBe(0);
    expect(service.seen.find(({ path }) => path.endsWith('/apply'))?.json).toEqual({ hash: HASH });
    expect(out).toMatch(/Inserted +119/);
    expect(out).toMatch(/Unchanged +9/);
    expect(out).toMatch(/Verified +clean \(run verify-run-1\)/);
  });

  test('exits with 1 where rows were refused, and shows the first of them', async () => {
    const refused = { ...plan, entries: { ...plan.entries, refused: 7 } };
    script({ ...planned, plan: refused, artifacts: { 'errors.ndjson': `${service.url}/errors` } });
    const { code, err } = await importEntries();
    expect(code).toBe(1);
    expect(err).toContain('line 2, amount: is wrong');
    expect(err).toContain('There are more');
    const file = join(directory, 'errors.ndjson');
    await importEntries('--errors-output', file);
    expect((await readFile(file, 'utf8')).trimEnd().split('\n')).toHaveLength(7);
  });

  test('exits with 1 where the ledger refused what was planned', async () => {
    script(planned, { ...applied, counts: { posted: 110, refused: 10 } });
    const { code, out } = await importEntries('--apply');
    expect(code).toBe(1);
    expect(out).toMatch(/Not posted +10/);
  });

  test('exits with 3 while it waits for a second person, and says how he approves it', async () => {
    script({ ...planned, approval: 'repair-run-1' });
    const scripted = problem('approval-needed', 409);
    service.answer({
      'POST /v1/repairs': { status: 200, json: planned },
      'GET /v1/repairs/run-1': { json: { ...planned, approval: 'repair-run-1' } },
      'POST /v1/repairs/run-1/apply': scripted,
    });
    const { code, err } = await importEntries('--apply');
    expect(code).toBe(3);
    expect(err).toContain(`reckoner approve repair-run-1 --hash ${HASH}`);
  });

  test('given again after it was applied, tells the outcome and posts nothing', async () => {
    service.answer({
      'POST /v1/repairs': { status: 200, json: applied },
      'GET /v1/repairs/run-1': { json: applied },
    });
    expect((await importEntries('--apply')).code).toBe(0);
    expect(calls()).toEqual(['POST /v1/repairs', 'GET /v1/repairs/run-1']);
  });

  test('exits with 2 and a sentence when the file is refused whole', async () => {
    const cause = JSON.stringify({ errorType: 'UnreadableFileError', errorMessage: 'The column "x" is not known.' });
    script({ ...requested, status: 'failed', error: { name: 'UnreadableFileError', cause } });
    expect(await importEntries()).toMatchObject({
      code: 2,
      err: 'Nothing was posted: The column "x" is not known.\n',
    });
  });

  test('exits with 2 when it broke off or the ledger moved under it, and says how to go on', async () => {
    const broken = { ...planned, status: 'failed', error: { name: 'States.Timeout', cause: 'too slow' } };
    script(planned, broken);
    expect(await importEntries('--apply')).toMatchObject({
      code: 2,
      err: expect.stringContaining('Run the same command'),
    });
    script(broken);
    expect(await importEntries()).toMatchObject({
      code: 2,
      err: expect.stringContaining('with --apply, and it goes on'),
    });
    script(planned, { ...planned, status: 'stale' });
    expect(await importEntries('--apply')).toMatchObject({ code: 2, err: expect.stringContaining('new run id') });
  });

  test('refuses a run id that was used for another file', async () => {
    service.answer({
      'POST /v1/repairs': problem('conflict', 422, { errors: [{ field: 'id', rule: 'choose another' }] }),
    });
    expect(await importEntries()).toMatchObject({ code: 2, err: expect.stringContaining('choose another') });
  });

  test.each([
    ['--dry-run together with --apply', ['--dry-run', '--apply'], 'cannot be used with'],
    ['a batch size that is none', ['--batch-size', '0'], 'from 1 to 1000'],
  ])('refuses %s', async (_, options, message) => {
    expect(await importEntries(...options)).toMatchObject({ code: 2, err: expect.stringContaining(message) });
  });

  test('says when the file cannot be read, or is empty', async () => {
    const none = ['import', 'entries', '--run-id', 'run-1', '--url', service.url, '--csv'];
    expect(await reckoner([...none, join(directory, 'no.csv')])).toMatchObject({
      code: 2,
      err: expect.stringContaining('cannot be read'),
    });
    await writeFile(join(directory, 'empty.csv'), '');
    expect((await reckoner([...none, join(directory, 'empty.csv')])).err).toContain('is empty');
  });
});
