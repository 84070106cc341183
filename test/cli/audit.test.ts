import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AuditRecord, auditLine, nextRecord } from '../../domain/audit.ts';
import { problem, reckoner, startService, type TestService } from './service.ts';

let service: TestService;
let directory: string;
beforeAll(async () => {
  service = await startService();
  directory = await mkdtemp(join(tmpdir(), 'reckoner-audit-'));
});
afterAll(() => Promise.all([service.stop(), rm(directory, { recursive: true })]));

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const records: AuditRecord[] = [];
for (const reason of ['One', 'Two', 'Three', 'Four']) {
  const at = '2026-11-20T08:00:00.000Z';
  const entry = { at, actor: 'key-1', action: 'ledger.paused', target: 'ledger', details: { reason } } as const;
  records.push(nextRecord(records.at(-1), entry, sha256));
}
const head = records[3] as AuditRecord;
const anchor = { day: '2026-11-20', sequence: 3, hash: records[2]?.hash, anchoredAt: '2026-11-20T03:15:00.000Z' };
const edited = records.with(1, { ...(records[1] as AuditRecord), actor: 'nobody' });

const ANCHORS = 'GET /v1/audit/anchors?limit=100';
const FIRST_PAGE = 'GET /v1/audit?limit=500';
const now = () => Date.parse('2026-12-20T00:00:00Z');
const audit = (...argv: string[]) => reckoner(['--url', service.url, 'audit', ...argv], { now });
function serve(chain: readonly unknown[], anchors: readonly unknown[] = [anchor]): void {
  service.answer({
    [ANCHORS]: { json: { anchors } },
    [FIRST_PAGE]: { json: { records: chain.slice(0, 2), next: '3' } },
    [`${FIRST_PAGE}&cursor=3`]: { json: { records: chain.slice(2) } },
  });
}

describe('reckoner audit list', () => {
  test('shows the latest records, newest first, by what was asked', async () => {
    const query = 'limit=3&actor=key-1&order=desc';
    service.answer({ 'GET /v1/audit?actor=key-1&order=desc&limit=3': { json: { records: records.slice(0, 3) } } });
    const { code, out } = await audit('list', '--actor', 'key-1', '--limit', '3');
    expect([code, service.seen[0]?.path.split('?')[1]?.split('&').sort()]).toEqual([0, query.split('&').sort()]);
    expect(out).toMatch(/1 │ 2026-11-20T08:00:00.000Z │ key-1 │ ledger.paused │ ledger │ reason=One/);
  });

  test('goes on over pages until there are as many as asked for', async () => {
    service.answer({
      'GET /v1/audit?order=desc&limit=3': { json: { records: records.slice(0, 2), next: '2' } },
      'GET /v1/audit?order=desc&limit=1&cursor=2': { json: { records: records.slice(2, 3), next: '1' } },
    });
    const { out } = await audit('list', '--limit', '3', '--json');
    expect(JSON.parse(out).records).toEqual(records.slice(0, 3));
    service.answer({ 'GET /v1/audit?order=desc&limit=50': { json: { records: [] } } });
    expect((await audit('list')).out).toBe('There are no such records.\n');
  });

  test('knows which actions there are', async () => {
    expect(await audit('list', '--action', 'no.such')).toMatchObject({
      code: 2,
      err: expect.stringContaining('Allowed choices are key.created'),
    });
  });
});

describe('reckoner audit verify', () => {
  test('reads the whole chain and holds it against its anchors', async () => {
    serve(records);
    expect(await audit('verify')).toEqual({
      code: 0,
      out: `The audit chain holds: 4 records, head 4:${head.hash}\n`,
      err: '',
    });
  });

  test.each<[string, readonly AuditRecord[], string]>([
    ['edited', edited, 'Record 2 was edited'],
    ['removed', records.toSpliced(1, 1), 'Record 2 was removed'],
    ['cut off', records.slice(0, 2), 'it ends before record 3'],
  ])('exits with 1 and names the record that was %s', async (_, chain, sentence) => {
    serve(chain);
    const { code, out } = await audit('verify');
    expect(code).toBe(1);
    expect(out).toContain(`The audit chain is broken. `);
    expect(out).toContain(sentence);
  });

  test('says where no hash is kept elsewhere, and takes one that the user kept', async () => {
    serve(records.slice(0, 2), []);
    const { code, err } = await audit('verify');
    expect([code, err]).toEqual([0, expect.stringContaining('an end that was cut off would not show')]);
    expect(await audit('verify', '--head', `4:${head.hash}`)).toMatchObject({ code: 1, err: '' });
    expect(await audit('verify', '--head', '4')).toMatchObject({
      code: 2,
      err: expect.stringContaining('Give a sequence'),
    });
  });

  test('says when an anchor notes that the chain was broken, though it holds now', async () => {
    serve(records, [{ ...anchor, fault: 'Record 2 was edited.' }]);
    expect(await audit('verify')).toMatchObject({
      code: 0,
      err: expect.stringContaining('When 2026-11-20 was anchored, the chain was broken. Record 2 was edited.'),
    });
  });

  test('tells what it found as JSON', async () => {
    serve(edited);
    const { code, out } = await audit('verify', '--json');
    expect([code, JSON.parse(out)]).toEqual([
      1,
      expect.objectContaining({
        records: 4,
        anchors: 1,
        fault: expect.objectContaining({ kind: 'edited', sequence: 2 }),
      }),
    ]);
  });

  test('exits with 2 where the service refuses', async () => {
    service.answer({ [ANCHORS]: problem('missing-scope', 403) });
    expect(await audit('verify')).toMatchObject({ code: 2, out: '' });
  });

  describe('with --file', () => {
    const fileOf = async (lines: readonly string[]) => {
      const path = join(directory, 'export.ndjson');
      await writeFile(path, lines.map((line) => `${line}\n`).join(''));
      return path;
    };
    /** Without any service. */
    const verify = (path: string, ...more: string[]) => reckoner(['audit', 'verify', '--file', path, ...more], { now });

    test('verifies an export from its first record on, and asks no service', async () => {
      const path = await fileOf(records.slice(1).map(auditLine));
      expect(await verify(path)).toMatchObject({
        code: 0,
        out: `The audit chain holds: 3 records, head 4:${head.hash}\n`,
      });
      expect(await verify(path, '--head', `4:${head.hash}`)).toMatchObject({ code: 0 });
      expect(await verify(path, '--head', `5:${head.hash}`)).toMatchObject({ code: 1 });
    });

    test('says that its front may be cut off, unless it is told what that follows', async () => {
      const path = await fileOf(records.slice(2).map(auditLine));
      const believed = 'a front that was cut off would not show';
      expect((await verify(path, '--head', `4:${head.hash}`)).err).toContain(believed);
      const after = { sequence: 2, hash: records[1]?.hash };
      expect(await verify(path, '--after', `2:${after.hash}`, '--head', `4:${head.hash}`)).toMatchObject({
        code: 0,
        err: '',
      });
      expect(await verify(path, '--after', `1:${records[0]?.hash}`)).toMatchObject({
        code: 1,
        out: expect.stringContaining('Record 2 was removed'),
      });
      const manifest = join(directory, 'manifest.json');
      await writeFile(manifest, JSON.stringify({ month: '2026-12', after, head: { sequence: 4, hash: head.hash } }));
      expect(await verify(path, '--manifest', manifest)).toMatchObject({ code: 0, err: '' });
      expect(await verify(await fileOf(records.slice(2, 3).map(auditLine)), '--manifest', manifest)).toMatchObject({
        code: 1,
        out: expect.stringContaining('it ends before record 4'),
      });
      expect((await verify(await fileOf(records.map(auditLine)), '--head', `4:${head.hash}`)).err).toBe('');
      expect(await verify(path, '--manifest', path)).toMatchObject({
        code: 2,
        err: expect.stringContaining('it is no manifest'),
      });
      expect(await audit('verify', '--after', `1:${head.hash}`)).toMatchObject({
        code: 2,
        err: expect.stringContaining('with --file'),
      });
    });

    test('names what was edited, and says what is no export', async () => {
      expect(await verify(await fileOf(edited.map(auditLine)))).toMatchObject({
        code: 1,
        out: expect.stringContaining('Record 2 was edited'),
      });
      expect(await verify(await fileOf(['{"a":1}']))).toMatchObject({
        code: 2,
        err: expect.stringContaining('no audit record'),
      });
      expect(await verify(await fileOf(['garbled']))).toMatchObject({
        code: 2,
        err: expect.stringContaining('could not be read'),
      });
      expect(await verify(join(directory, 'none'))).toMatchObject({ code: 2, err: expect.stringContaining('ENOENT') });
    });
  });
});

describe('reckoner audit export', () => {
  const page = 'GET /v1/audit?from=2026-12-01T00%3A00%3A00.000Z&to=2027-01-01T00%3A00%3A00.000Z&limit=500';

  test('saves the records of a month in their canonical form', async () => {
    service.answer({ [page]: { json: { records: records.slice(1) } } });
    const path = join(directory, 'december.ndjson');
    const { code, out } = await audit('export', '--month', '2026-12', '--output', path);
    expect([code, out]).toEqual([0, `3 records of 2026-12 are in ${path}, head 4:${head.hash}\n`]);
    expect(await readFile(path, 'utf8')).toBe(
      records
        .slice(1)
        .map((record) => `${auditLine(record)}\n`)
        .join(''),
    );
  });

  test('saves what there is of a broken chain too, and exits with 1', async () => {
    service.answer({ [page]: { json: { records: edited } } });
    const path = join(directory, 'broken.ndjson');
    const { code, out } = await audit('export', '--month', '2026-12', '--output', path);
    expect([code, out]).toEqual([1, expect.stringContaining('Record 2 was edited')]);
    expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(5);
  });

  test('asks for a month, and a place that can be written', async () => {
    expect(await audit('export', '--month', '2026-13', '--output', 'x')).toMatchObject({ code: 2 });
    expect(await audit('export', '--month', '2026-12', '--output', join(directory, 'no', 'such'))).toMatchObject({
      code: 2,
      err: expect.stringContaining('could not be written'),
    });
  });
});
