import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, captured, problem, reckoner, startService, type TestService } from './service.ts';

let service: TestService;
let directory: string;
beforeAll(async () => {
  service = await startService();
  directory = await mkdtemp(join(tmpdir(), 'reckoner-cli-'));
});
afterAll(async () => {
  await service.stop();
  await rm(directory, { recursive: true });
});

const ID = 'usage-01234567';
const waiting = {
  id: ID,
  status: 'waiting',
  requestedAt: '2026-11-20T00:00:00.000Z',
  linesRead: 0,
  recorded: 0,
  duplicates: 0,
  refused: 0,
};
const counts = { linesRead: 12_000, recorded: 11_000, duplicates: 999, refused: 1 };

function script(end: object, more: Readonly<Record<string, Answer>> = {}) {
  const upload = { method: 'PUT', url: `${service.url}/drop`, expiresAt: '2026-11-20T00:15:00.000Z' };
  service.answer({
    'POST /v1/imports': { status: 201, json: { ...waiting, upload } },
    'PUT /drop': {},
    [`GET /v1/imports/${ID}`]: [
      { json: waiting },
      { json: { ...waiting, status: 'running', linesRead: 5_000 } },
      { json: { ...waiting, ...end } },
    ],
    ...more,
  });
}

async function file(name: string, content: string | Buffer): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}

const importUsage = (...argv: string[]) => reckoner(['import', 'usage', '--url', service.url, ...argv]);

describe('reckoner import usage', () => {
  test('announces the file, sends it with its size, follows it and prints the counts', async () => {
    script({ status: 'finished', ...counts, refused: 0 });
    const content = 'requestId,account\n'.repeat(50_000);
    const { code, out, err } = await importUsage('--file', await file('good.csv', content));
    expect(code).toBe(0);
    expect(service.seen[0]?.json).toEqual({ id: ID, format: 'csv', compression: 'none' });
    const sent = service.seen.find(({ method }) => method === 'PUT');
    expect(sent?.body.toString()).toBe(content);
    expect(sent?.headers['content-length']).toBe(String(content.length));
    expect(sent?.headers.authorization).toBeUndefined();
    expect(out).toContain('Lines read  12,000\nRecorded    11,000\nDuplicates  999\nRefused     0\n');
    expect(err).toContain(`The file was sent as import ${ID}.`);
  });

  test('sends the mapping that the options say', async () => {
    script({ status: 'finished' });
    await importUsage(
      ...['--file', await file('log.csv', 'x\n'), '--map', 'occurredAt=TIMESTAMP', '--map', 'source=a=b'],
      ...[
        '--quantity',
        'input=In',
        '--quantity',
        'output=Out',
        '--set',
        'account=customer:a',
        '--request-id-prefix',
        'p',
      ],
    );
    expect(service.seen[0]?.json).toMatchObject({
      mapping: {
        columns: { occurredAt: 'TIMESTAMP', source: 'a=b' },
        quantities: { input: 'In', output: 'Out' },
        constants: { account: 'customer:a' },
        requestIdPrefix: 'p',
      },
    });
  });

  test.each([
    ['a.ndjson', [], 'ndjson'],
    ['a.jsonl', [], 'ndjson'],
    ['a.CSV.gz', [], 'csv'],
    ['a.log', ['--format', 'ndjson'], 'ndjson'],
  ])('tells the format of %s', async (name, options, format) => {
    script({ status: 'finished' });
    expect(await importUsage('--file', await file(name, '{}\n'), ...options)).toMatchObject({ code: 0 });
    expect(service.seen[0]?.json).toMatchObject({ format, compression: 'none' });
  });

  test('tells gzip by content', async () => {
    script({ status: 'finished' });
    await importUsage('--file', await file('packed.csv', gzipSync('a,b\n')));
    expect(service.seen[0]?.json).toMatchObject({ compression: 'gzip' });
  });

  test('shows the first refused rows, and exits with 1', async () => {
    const text = Array.from(
      { length: 7 },
      (_, line) => `{"line":${line},"field":"account","rule":"is bad","value":"v"}\n`,
    );
    const errors = `${service.url}/errors`;
    script({ status: 'finished-with-errors', ...counts, errors }, { 'GET /errors': { text: text.join('') } });
    const { code, err } = await importUsage('--file', await file('partly.csv', 'x'));
    expect(code).toBe(1);
    expect(err).toContain('line 0, account: is bad (found: v)\n');
    expect(err).toContain('line 4, account');
    expect(err).not.toContain('line 5, account');
    expect(err).toContain('--errors-output FILE saves them all');
  });

  test('exits with 2 and a sentence when the list of refused rows breaks off', async () => {
    const errors = `${service.url}/errors`;
    const broken = { text: '{"line":1}\n', isCut: true } as const;
    script({ status: 'finished-with-errors', ...counts, errors }, { 'GET /errors': broken });
    const { code, out, err } = await importUsage('--file', await file('partly.csv', 'x'));
    expect(code).toBe(2);
    expect(out).toContain('Refused     1\n');
    expect(err).toContain('An artifact could not be fetched');
  });

  test('--errors-output saves the refused rows', async () => {
    const errors = `${service.url}/errors`;
    script({ status: 'finished-with-errors', ...counts, errors }, { 'GET /errors': { text: '{"line":1}\n' } });
    const saved = join(directory, 'errors.ndjson');
    const { code } = await importUsage('--file', await file('partly.csv', 'x'), '--errors-output', saved);
    expect(code).toBe(1);
    expect(await readFile(saved, 'utf8')).toBe('{"line":1}\n');
  });

  test('exits with 2 and the reason when the file could not be read to its end', async () => {
    script({ status: 'failed', failure: 'There is no column "account".' });
    const { code, out } = await importUsage('--file', await file('bad.csv', 'x'));
    expect(code).toBe(2);
    expect(out).toContain('Failure     There is no column "account".');
  });

  test('--json prints the import', async () => {
    script({ status: 'finished', ...counts });
    const { out } = await importUsage('--file', await file('good.csv', 'x'), '--json');
    expect(JSON.parse(out)).toMatchObject({ id: ID, status: 'finished', recorded: 11_000 });
  });

  test('does not send again what was sent before', async () => {
    service.answer({
      'POST /v1/imports': { json: { ...waiting, status: 'finished', ...counts } },
      [`GET /v1/imports/${ID}`]: { json: { ...waiting, status: 'finished', ...counts } },
    });
    const { code, err } = await importUsage('--file', await file('good.csv', 'x'), '--id', ID);
    expect(code).toBe(0);
    expect(err).toContain('was sent before');
  });

  test('draws progress where stderr is a terminal', async () => {
    script({ status: 'finished', ...counts });
    const terminal = captured(true);
    const path = await file('good.csv', 'x'.repeat(100_000));
    await reckoner(['import', 'usage', '--url', service.url, '--file', path], { stderr: terminal.stream });
    expect(terminal.text()).toContain('Sending');
    expect(terminal.text()).toContain('Reading 5,000 lines');
  });

  test('says when the upload is refused', async () => {
    script({}, { 'PUT /drop': { status: 403, text: '<Code>AccessDenied</Code>' } });
    const { code, err } = await importUsage('--file', await file('good.csv', 'x'));
    expect(code).toBe(2);
    expect(err).toContain('The upload was refused with status 403: <Code>AccessDenied</Code>');
  });

  test('prints a refusal of the service', async () => {
    const errors = [{ field: 'mapping.columns.acount', rule: 'is not a known field; leave it out' }];
    service.answer({ 'POST /v1/imports': problem('invalid-request', 400, { errors }) });
    const { code, err } = await importUsage('--file', await file('good.csv', 'x'), '--map', 'acount=x');
    expect(code).toBe(2);
    expect(err).toContain('  mapping.columns.acount: is not a known field; leave it out\n');
  });

  test.each([
    ['a file that is not there', () => ['--file', join(directory, 'gone.csv')], 'cannot be read'],
    ['a directory', () => ['--file', directory], 'it is not a file'],
    ['an empty file', async () => ['--file', await file('empty.csv', '')], 'is empty'],
    ['a name that says nothing', async () => ['--file', await file('x.log', 'x')], 'say with --format'],
    ['an option that is no pair', () => ['--file', 'x.csv', '--map', 'account'], 'Write it as name=value.'],
    ['an option twice', () => ['--file', 'x.csv', '--set', 'a=b', '--set', 'a=c'], '"a" is given twice'],
  ])('refuses %s without calling the service', async (_, argv, message) => {
    service.answer({});
    const { code, err } = await importUsage(...(await argv()));
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(service.seen).toHaveLength(0);
  });
});
