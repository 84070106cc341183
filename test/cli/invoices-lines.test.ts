import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problem, reckoner, startService, type TestService } from './service.ts';

const CSV = 'invoice_id,unit_id,line_type,description,quantity,amount\n2026-10:customer:acme,customer:acme,x,d,1,2\n';

let service: TestService;
let directory: string;
let csv: string;
beforeAll(async () => {
  service = await startService();
  directory = await mkdtemp(join(tmpdir(), 'reckoner-lines-'));
  csv = join(directory, 'lines.csv');
  await writeFile(csv, CSV);
});
afterAll(async () => {
  await service.stop();
  await rm(directory, { recursive: true });
});

const digestOf = (text: string) => createHash('sha256').update(text).digest('hex');
const calls = () => service.seen.map(({ method, path }) => `${method} ${path}`);

const record = {
  id: 'fix-42',
  kind: 'import',
  month: '2026-10',
  dryRun: false,
  status: 'requested',
  requestedBy: 'k',
  requestedAt: '2026-11-03T08:00:00.000Z',
  progress: { slicesDone: 0 },
};
const counts = {
  read: 128,
  inserted: 120,
  updated: 8,
  unchanged: 0,
  refused: 0,
  duplicates: 0,
  invoices: 3,
  blocked: 0,
};
const outcome = {
  sentence:
    '128 rows: 120 inserted, 8 updated, 0 unchanged; 3 invoices of 2026-10 have a new version, 0 of them blocked.',
  verdict: 'imported',
  counts,
  totals: [{ asset: 'USD/2', before: '100', after: '12345' }],
};
const succeeded = { ...record, status: 'succeeded', outcome };

function script(...states: readonly object[]) {
  const upload = { method: 'PUT', url: `${service.url}/upload`, expiresAt: '2026-11-03T08:15:00.000Z' };
  service.answer({
    'POST /v1/billing-runs': { status: 202, json: { ...record, status: 'announced', upload } },
    'PUT /upload': {},
    'POST /v1/billing-runs/fix-42/start': { status: 202, json: record },
    'GET /v1/billing-runs/fix-42': states.map((json) => ({ json })),
    'GET /errors': { text: '{"line":2,"field":"amount","rule":"is wrong","value":"x"}\n' },
  });
}

const connection = () => ['--url', service.url, '--key', 'k'];
const importLines = (...more: string[]) => {
  const options = ['--csv', csv, '--run-id', 'fix-42', '--month', '2026-10'];
  return reckoner(['invoices', 'lines', 'import', ...options, ...connection(), ...more]);
};

describe('reckoner invoices lines import', () => {
  test('announces the file, sends it, has it begun, and tells what became of its rows', async () => {
    script({ ...record, status: 'running' }, succeeded);
    const { code, out } = await importLines('--batch-size', '10000');
    expect(code).toBe(0);
    expect(service.seen[0]?.json).toEqual({
      ...{ id: 'fix-42', kind: 'import', month: '2026-10', sha256: digestOf(CSV), batchSize: 10_000 },
    });
    expect(service.seen[1]?.body.toString()).toBe(CSV);
    expect(calls().slice(0, 3)).toEqual([
      ...['POST /v1/billing-runs', 'PUT /upload', 'POST /v1/billing-runs/fix-42/start'],
    ]);
    expect(out).toMatch(/Rows read +128/);
    expect(out).toContain('120 inserted, 8 updated\n');
    expect(out).toMatch(/Asked for +1\.00 USD before, 123\.45 USD now/);
  });

  test('as a dry run says so to the service, and prints the same counts', async () => {
    const sentence = 'Dry run of 128 rows, nothing was written.';
    script({ ...succeeded, dryRun: true, outcome: { ...outcome, verdict: 'dry-run', sentence } });
    const { code, out } = await importLines('--dry-run');
    expect(code).toBe(0);
    expect(service.seen[0]?.json).toMatchObject({ dryRun: true });
    expect(out).toContain('120 inserted, 8 updated');
    expect(out).toContain('nothing was written');
  });

  test('exits with 1 where rows were refused, and shows them', async () => {
    const refused = { ...outcome, verdict: 'refused', counts: { ...counts, inserted: 0, updated: 0, refused: 1 } };
    script({ ...succeeded, outcome: refused, artifacts: { 'errors.ndjson': `${service.url}/errors` } });
    const { code, out, err } = await importLines();
    expect(code).toBe(1);
    expect(out).toMatch(/Refused +1/);
    expect(err).toContain('line 2, amount: is wrong (found: x)');
    const file = join(directory, 'errors.ndjson');
    await importLines('--errors-output', file);
    expect(await readFile(file, 'utf8')).toContain('is wrong');
  });

  test('exits with 1 where an invoice does not tie out any more', async () => {
    script({ ...succeeded, outcome: { ...outcome, counts: { ...counts, blocked: 1 } } });
    const { code, err } = await importLines();
    expect(code).toBe(1);
    expect(err).toContain('Why they are blocked');
  });

  test('exits with 2 and a sentence when the run failed', async () => {
    const cause = JSON.stringify({ errorType: 'UnreadableFileError', errorMessage: 'The column "x" is not known.' });
    script({ ...record, status: 'failed', error: { name: 'UnreadableFileError', cause } });
    const { code, err } = await importLines();
    expect(code).toBe(2);
    expect(err).toContain('The run failed: The column "x" is not known. Look again');
  });

  test('given again after it has ended, tells the outcome and sends nothing', async () => {
    service.answer({
      'POST /v1/billing-runs': { status: 200, json: succeeded },
      'GET /v1/billing-runs/fix-42': { json: succeeded },
    });
    expect((await importLines()).code).toBe(0);
    expect(calls()).toEqual(['POST /v1/billing-runs', 'GET /v1/billing-runs/fix-42']);
  });

  test.each([
    ['a batch size that is none', ['--batch-size', '0'], 'from 1 to 10000'],
    ['a month that is none', ['--month', '2026-13'], 'must be a calendar month'],
    ['a file that is not there', ['--csv', '/no/such.csv'], 'cannot be read'],
  ])('refuses %s', async (_, options, message) => {
    script(succeeded);
    expect(await importLines(...options)).toMatchObject({ code: 2, err: expect.stringContaining(message) });
  });

  test('refuses a run id that was used for another file', async () => {
    const errors = [{ field: 'id', rule: 'choose another id' }];
    service.answer({ 'POST /v1/billing-runs': problem('conflict', 422, { errors }) });
    expect(await importLines()).toMatchObject({ code: 2, err: expect.stringContaining('choose another id') });
  });
});

describe('reckoner invoices lines rollback', () => {
  const rollback = () => reckoner(['invoices', 'lines', 'rollback', 'fix-42', '--run-id', 'undo', ...connection()]);
  const ended = (left: number) => ({
    ...{ ...record, id: 'undo', kind: 'rollback', of: 'fix-42', status: 'succeeded' },
    outcome: {
      sentence: 'Rollback of fix-42: 3 invoices.',
      verdict: 'restored',
      counts: { restored: 3, left, blocked: 0 },
    },
  });

  test('names the import, and exits with 1 where something came since', async () => {
    for (const left of [0, 1]) {
      service.answer({
        'POST /v1/billing-runs': { status: 202, json: { ...ended(left), status: 'requested', outcome: undefined } },
        'GET /v1/billing-runs/undo': { json: ended(left) },
      });
      const { code, out, err } = await rollback();
      expect(code).toBe(left);
      expect(service.seen[0]?.json).toEqual({ id: 'undo', kind: 'rollback', of: 'fix-42' });
      expect(out).toContain('Rollback of fix-42: 3 invoices.');
      expect(err.includes('1 invoice left as it is')).toBe(left === 1);
    }
  });

  test('says why an import cannot be rolled back', async () => {
    service.answer({ 'POST /v1/billing-runs': problem('billing-state', 409, { detail: 'It was a dry run.' }) });
    expect(await rollback()).toMatchObject({ code: 2, err: expect.stringContaining('It was a dry run.') });
  });
});

describe('reckoner invoices validate', () => {
  const MISSING = 'finding_id,account\r\n1,"a\r\nb"\r\n2,c\r\n';
  const validate = (run: string, ...more: string[]) =>
    reckoner(['invoices', 'validate', run, ...connection(), ...more]);

  /** Serves the files of a run, with a manifest of what they should be. */
  function serve(run: string, files: Readonly<Record<string, string>>, served = files, kind = 'billing-runs') {
    const listed = Object.entries(files).map(([name, text]) => {
      return { name, bytes: Buffer.byteLength(text), sha256: digestOf(text), rows: 0 };
    });
    const all = { ...served, 'manifest.json': JSON.stringify({ runId: run, files: listed }) };
    const artifacts = Object.fromEntries(Object.keys(all).map((name) => [name, `${service.url}/${name}`]));
    const reconciliation = {
      ...{ id: run, status: 'succeeded', startDate: '2026-10-01', endDate: '2026-10-31', trigger: 'request' },
      ...{ requestedAt: record.requestedAt, progress: { slicesDone: 1 } },
    };
    const found = kind === 'billing-runs' ? { ...succeeded, id: run } : reconciliation;
    service.answer({
      [`GET /v1/billing-runs/${run}`]: problem('not-found', 404),
      [`GET /v1/${kind}/${run}`]: { json: { ...found, artifacts } },
      ...Object.fromEntries(Object.entries(all).map(([name, text]) => [`GET /${name}`, { text }])),
    });
    return all;
  }

  test('passes a billing run whose files are those of its manifest', async () => {
    serve('fix-42', { 'summary.json': '{}', 'invoices.ndjson': '' });
    const { code, out, err } = await validate('fix-42');
    expect([code, out]).toEqual([0, 'Artifact validation passed\nmissing_lines_count: 0\n']);
    expect(err).toContain('The run has no missing_lines.csv');
  });

  test('counts the missing lines of a reconciliation, and exits with 1 where there are any', async () => {
    serve('october', { 'missing_lines.csv': MISSING }, undefined, 'reconciliations');
    const { code, out, err } = await validate('october');
    expect([code, out]).toEqual([1, 'Artifact validation passed\nmissing_lines_count: 2\n']);
    expect(err).not.toContain('has no missing_lines.csv');
    serve('clean', { 'missing_lines.csv': 'finding_id,account\r\n' }, undefined, 'reconciliations');
    expect(await validate('clean')).toMatchObject({ code: 0, out: expect.stringContaining('missing_lines_count: 0') });
  });

  test('fails what was edited, removed or slipped in, and names it', async () => {
    const files = { 'summary.json': '{"due":"1"}', 'missing_lines.csv': 'a,b\r\n', 'gone.csv': 'x' };
    const served = { 'summary.json': '{"due":"2"}', 'missing_lines.csv': 'a,b\r\n"1', 'more.csv': 'y' };
    serve('fix-42', files, served as never);
    const { code, out } = await validate('fix-42');
    expect(code).toBe(1);
    expect(out).toContain('Artifact validation failed');
    expect(out).toMatch(/summary\.json has 11 bytes of SHA-256 [0-9a-f]{64}, and not the 11 of/);
    expect(out).toMatch(/missing_lines\.csv has 7 bytes/);
    expect(out).toContain('gone.csv is missing.');
    expect(out).toContain('more.csv is in no manifest.');
  });

  test('reads a folder as it reads a run', async () => {
    const folder = join(directory, 'artifacts');
    await mkdir(folder);
    for (const [name, text] of Object.entries(serve('fix-42', { 'missing_lines.csv': MISSING }))) {
      await writeFile(join(folder, name), text);
    }
    const { code, out } = await validate(folder, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toEqual({ runId: 'fix-42', files: 1, faults: [], missingLines: 2 });
    expect(service.seen).toEqual([]);
    await writeFile(join(folder, 'manifest.json'), '{}');
    expect(await validate(folder)).toMatchObject({ code: 2, err: expect.stringContaining('is no manifest') });
    await rm(join(folder, 'manifest.json'));
    expect(await validate(folder)).toMatchObject({
      code: 2,
      err: expect.stringContaining('There is no manifest.json'),
    });
  });

  test('says when there is no such run', async () => {
    service.answer({
      'GET /v1/billing-runs/nobody': problem('not-found', 404),
      'GET /v1/reconciliations/nobody': problem('not-found', 404),
    });
    expect(await validate('nobody')).toMatchObject({
      code: 2,
      err: expect.stringContaining('no billing run, no reconciliation and no folder "nobody"'),
    });
  });
});
