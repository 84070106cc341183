import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

const ID = 'manual-2026-11-01-01234567';
const ARGUMENTS = ['reconcile', '--start-date', '2026-11-01', '--end-date', '2026-11-30'];

const run = {
  id: ID,
  status: 'requested',
  startDate: '2026-11-01',
  endDate: '2026-11-30',
  trigger: 'request',
  requestedAt: '2026-12-01T00:00:00.000Z',
  progress: { slicesDone: 0 },
};
const outcome = {
  verdict: 'discrepancies',
  sentence: 'Reconciliation complete: 3 discrepancies found',
  findings: 3,
  findingsByKind: { missing: 2, duplicate: 1 },
  totals: [
    {
      asset: 'USD/2',
      expected: '123456',
      actual: '123400',
      discrepancy: '-56',
      discrepancyPercent: '-0.05',
      overCharged: '10',
      underCharged: '66',
      undetermined: '0',
    },
  ],
  pairsCompared: 12_345,
  evidenceRows: 12_348,
  ledgerRows: 12_347,
  accountsSeen: 40,
  accountsAffected: 2,
  accountsAffectedIsMinimum: false,
  balancesChecked: 38,
  accountsTooBusy: 0,
  notPaired: 0,
};
const clean = { ...outcome, verdict: 'clean', sentence: 'Reconciliation complete: 0 discrepancies found', findings: 0 };

/** The service takes the run, lets it be looked at twice, and then it is over. */
function script(over: object, artifacts: Readonly<Record<string, Answer>> = {}) {
  const links = Object.fromEntries(Object.keys(artifacts).map((name) => [name, `${service.url}/${name}`]));
  const end = {
    ...run,
    status: 'succeeded',
    progress: { slicesDone: 480, slicesTotal: 480 },
    artifacts: links,
    ...over,
  };
  const running = { ...run, status: 'running', progress: { slicesDone: 100, slicesTotal: 480 } };
  service.answer({
    'POST /v1/reconciliations': { status: 202, json: run },
    [`GET /v1/reconciliations/${ID}`]: [{ json: run }, { json: running }, { json: end }],
    ...Object.fromEntries(Object.entries(artifacts).map(([name, answer]) => [`GET /${name}`, answer])),
  });
}

const reconcile = (...more: string[]) => reckoner([...ARGUMENTS, '--url', service.url, '--key', 'k', ...more]);

const findings = [
  {
    id: 'f1',
    kind: 'missing',
    account: 'customer:acme',
    asset: 'USD/2',
    requestId: 'r-1',
    at: '2026-11-03T00:00:00.000Z',
    expected: '66',
    actual: '0',
    difference: '-66',
    transferIds: [],
    evidence: [],
    detail: 'x',
  },
  { id: 'f2', kind: 'duplicate', account: 'customer:b\u001b[31m', asset: 'USD/2', actual: '10', transferIds: ['t'] },
];
const findingsFile = { text: findings.map((finding) => `${JSON.stringify(finding)}\n`).join('') };

describe('reckoner reconcile', () => {
  test('compares invoices with the ledger for a month, and names the lines that differ', async () => {
    const id = 'manual-2026-02-01-01234567';
    const of = { id, books: 'invoices', startDate: '2026-02-01', endDate: '2026-02-28' };
    const found = {
      ...{ id: 'f', kind: 'missing', account: 'customer:acme', asset: 'USD/2', expected: '66', actual: '0' },
      invoice: { id: '2026-02:customer:acme', line: { type: 'usage', description: 'chat' } },
    };
    const artifacts = { 'findings.ndjson': `${service.url}/findings.ndjson` };
    service.answer({
      'POST /v1/reconciliations': { status: 202, json: { ...run, ...of } },
      [`GET /v1/reconciliations/${id}`]: { json: { ...run, ...of, status: 'succeeded', outcome, artifacts } },
      'GET /findings.ndjson': { text: `${JSON.stringify(found)}\n` },
    });
    const argv = ['reconcile', '--books', 'invoices', '--month', '2026-02', '--detailed', '--url', service.url];
    const { code, out } = await reckoner([...argv, '--key', 'k']);
    expect(code).toBe(1);
    expect(service.seen[0]?.json).toEqual(of);
    expect(out).toContain(`Run ${id}: 2026-02-01 to 2026-02-28, ledger and invoices`);
    expect(out).toMatch(/Lines of invoices +│ +12,348 /);
    expect(out).toContain('2026-02:customer:acme: chat (usage)');
  });

  test.each([
    ['neither days nor a month', ['--books', 'invoices'], 'Say which days'],
    ['a month and a day', ['--month', '2026-02', '--start-date', '2026-02-01'], 'cannot be used with option'],
    ['a month that is none', ['--month', '2026-13'], 'must be a calendar month'],
  ])('does not start with %s', async (_, options, message) => {
    service.answer({});
    const { code, err } = await reckoner(['reconcile', ...options, '--url', service.url, '--key', 'k']);
    expect([code, service.seen.length]).toEqual([2, 0]);
    expect(err).toContain(message);
  });

  test('starts a run, follows it, prints the table and then the sentence, and says by its exit code what was found', async () => {
    script({ outcome });
    const { code, out, err } = await reconcile();
    expect(code).toBe(1);
    expect(service.seen[0]).toMatchObject({ json: { id: ID, startDate: '2026-11-01', endDate: '2026-11-30' } });
    expect(service.seen).toHaveLength(4);
    expect(out).toMatch(/Expected +│ +1,234\.56 USD/);
    expect(out).toMatch(/Actual +│ +1,234\.00 USD/);
    expect(out).toMatch(/Discrepancy +│ +-0\.56 USD/);
    expect(out).toMatch(/Discrepancy percentage +│ +-0\.05 %/);
    expect(out).toMatch(/Missing entries +│ +2 /);
    expect(out).toMatch(/Duplicates +│ +1 /);
    expect(out).toMatch(/Balance drifts +│ +0 /);
    expect(out).toMatch(/Pairs compared +│ +12,345/);
    expect(out.trimEnd().split('\n').at(-1)).toBe('Reconciliation complete: 3 discrepancies found');
    expect(err).toBe(`Reconciliation ${ID} of 2026-11-01 to 2026-11-30 was started.\n`);
  });

  test('exits with 0 only when the books agree', async () => {
    script({ outcome: clean });
    const { code, out } = await reconcile();
    expect(code).toBe(0);
    expect(out.trimEnd().endsWith('Reconciliation complete: 0 discrepancies found')).toBe(true);
  });

  test('exits with 2 when there was nothing to compare', async () => {
    const sentence = 'Reconciliation inconclusive: there was nothing to compare in this period';
    script({ outcome: { ...clean, verdict: 'inconclusive', sentence, totals: [] } });
    const { code, out } = await reconcile();
    expect(code).toBe(2);
    expect(out.trimEnd().split('\n').at(-1)).toBe(sentence);
  });

  test('says what could not be looked at, so that nobody takes it for agreement', async () => {
    script({ outcome: { ...clean, accountsTooBusy: 1, notPaired: 1_200, accountsAffectedIsMinimum: true } });
    const { out } = await reconcile();
    expect(out).toContain('1 account moved too fast');
    expect(out).toContain('1,200 findings had no second look');
    expect(out).toMatch(/Accounts affected +│ +at least 2/);
  });

  test('exits with 2 and the reason when the run fails', async () => {
    script({ status: 'failed', error: { name: 'States.Timeout', cause: 'The slice took too long.' } });
    const { code, out, err } = await reconcile();
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toContain('The reconciliation failed: States.Timeout: The slice took too long.');
    expect(err).toContain(`reckoner runs ${ID}`);
  });

  test('--detailed lists the findings, and what they carry cannot steer the terminal', async () => {
    script({ outcome }, { 'findings.ndjson': findingsFile });
    const { out } = await reconcile('--detailed');
    expect(out).toMatch(
      /missing +│ customer:acme +│ r-1 +│ 2026-11-03T00:00:00\.000Z │ +0\.66 USD │ +0\.00 USD │ +-0\.66 USD/,
    );
    expect(out).toContain('customer:b?[31m');
    expect(out).not.toContain('\u001b');
  });

  test('--detailed lists a thousand findings and says that there are more', async () => {
    const text = `${JSON.stringify(findings[0])}\n`.repeat(1_001);
    script({ outcome }, { 'findings.ndjson': { text } });
    const { out } = await reconcile('--detailed');
    expect(out.match(/customer:acme/g)).toHaveLength(1_000);
    expect(out).toContain('These are the first 1,000 findings');
  });

  test('--json prints the run as one document, with its findings where they were asked for', async () => {
    script({ outcome }, { 'findings.ndjson': findingsFile });
    const { code, out } = await reconcile('--json', '--detailed');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      id: ID,
      outcome: { findings: 3 },
      findingList: [{ id: 'f1' }, { id: 'f2' }],
    });
  });

  test('--json prints a run that failed, too, and nothing beside it', async () => {
    script({ status: 'failed', error: { name: 'States.Timeout', cause: 'The slice took too long.' } });
    const { code, out, err } = await reconcile('--json');
    expect(code).toBe(2);
    expect(JSON.parse(out)).toMatchObject({ id: ID, status: 'failed', error: { name: 'States.Timeout' } });
    expect(err).toContain('The reconciliation failed');
  });

  test('--json leaves standard output to the document, whatever else is asked for', async () => {
    script({ outcome }, { 'findings.ndjson': findingsFile, 'report.html': { text: 'x' } });
    const { out } = await reconcile('--json', '--detailed', '--report-output', join(directory, 'beside.html'));
    expect(Object.keys(JSON.parse(out))).toContain('findingList');
  });

  test('reads findings whose lines and letters come in pieces', async () => {
    const line = `${JSON.stringify({ ...findings[0], requestId: 'é'.repeat(1_000) })}\n`;
    script({ outcome }, { 'findings.ndjson': { text: line.repeat(200).trimEnd() } });
    const { out } = await reconcile('--json', '--detailed');
    const { findingList } = JSON.parse(out);
    expect(findingList).toHaveLength(200);
    expect(findingList.at(-1).requestId).toBe('é'.repeat(1_000));
  });

  test.each([
    ['breaks off', { ...findingsFile, isCut: true }, 'An artifact could not be fetched'],
    ['is no NDJSON', { text: '<html>\n' }, 'An artifact has a line that is not JSON: <html>'],
  ] as const)('exits with 2 and a sentence when the list of findings %s', async (_, answer, message) => {
    for (const options of [['--detailed'], ['--detailed', '--json']]) {
      script({ outcome }, { 'findings.ndjson': answer });
      const { code, err } = await reconcile(...options);
      expect(code).toBe(2);
      expect(err).toContain(message);
    }
  });

  test('--report-output says when the report breaks off', async () => {
    script({ outcome }, { 'report.html': { text: '<html>', isCut: true } });
    const { code, err } = await reconcile('--report-output', join(directory, 'cut.html'));
    expect(code).toBe(2);
    expect(err).toContain('An artifact could not be fetched');
  });

  test('--report-output saves the report', async () => {
    script({ outcome }, { 'report.html': { text: '<html>report</html>' } });
    const file = join(directory, 'report.html');
    const { code, err } = await reconcile('--report-output', file);
    expect(code).toBe(1);
    expect(await readFile(file, 'utf8')).toBe('<html>report</html>');
    expect(err).toContain(`The report is in ${file}.`);
  });

  test('--report-output says when the report cannot be fetched or written', async () => {
    script({ outcome }, { 'report.html': { status: 403, text: 'expired' } });
    expect(await reconcile('--report-output', join(directory, 'x.html'))).toMatchObject({
      code: 2,
      err: expect.stringContaining('could not be fetched (status 403)'),
    });
    script({ outcome }, { 'report.html': { text: 'x' } });
    const nowhere = join(directory, 'no', 'x.html');
    expect(await reconcile('--report-output', nowhere)).toMatchObject({
      code: 2,
      err: expect.stringContaining(`${nowhere} could not be written`),
    });
  });

  test('--account restricts the run, and accounts that no book has are told', async () => {
    const accounts = ['customer:acme', 'customer:mistyped'];
    script({ outcome: { ...clean, accountsSeen: 1 }, accounts });
    const { out } = await reconcile('--account', 'customer:acme', '--account', 'customer:mistyped');
    expect(service.seen[0]).toMatchObject({ json: { accounts } });
    expect(out).toContain('2026-11-30, customer:acme, customer:mistyped');
    expect(out).toContain('1 of the accounts that were named are in no book');
  });

  test('runs --schedule lists the runs of one schedule', async () => {
    const spot = { ...run, id: 'spot-2026-W47', trigger: 'spot', status: 'succeeded', outcome };
    service.answer({ 'GET /v1/reconciliations?schedule=spot': { json: { reconciliations: [spot] } } });
    const { out } = await reckoner(['runs', '--schedule', 'spot', '--url', service.url, '--key', 'k']);
    expect(service.seen[0]?.path).toBe('/v1/reconciliations?schedule=spot');
    expect(out).toContain('spot-2026-W47');
  });

  test('--id names the run', async () => {
    service.answer({
      'POST /v1/reconciliations': { status: 200, json: { ...run, id: 'mine' } },
      'GET /v1/reconciliations/mine': { json: { ...run, id: 'mine', status: 'succeeded', outcome: clean } },
    });
    expect(await reconcile('--id', 'mine')).toMatchObject({
      code: 0,
      err: 'Reconciliation mine of 2026-11-01 to 2026-11-30 is followed.\n',
    });
    expect(service.seen[0]).toMatchObject({ json: { id: 'mine' } });
  });

  test('without --id starts a new run every time', async () => {
    script({ outcome });
    for (const newId of [() => 'aaaaaaaa-1', () => 'bbbbbbbb-2']) {
      const stop = new AbortController();
      const wait = async () => stop.abort();
      await reckoner([...ARGUMENTS, '--url', service.url], { newId, wait, signal: stop.signal });
    }
    const asked = service.seen.filter(({ method }) => method === 'POST').map(({ json }) => json);
    expect(asked).toMatchObject([{ id: 'manual-2026-11-01-aaaaaaaa' }, { id: 'manual-2026-11-01-bbbbbbbb' }]);
  });

  test.each(['2026/11/01', '2026-02-30', '1.11.2026', ''])(
    'refuses the date %j without calling the service',
    async (date) => {
      service.answer({});
      const argv = ['reconcile', '--url', service.url, '--start-date', date, '--end-date', '2026-11-30'];
      const { code, err } = await reckoner(argv);
      expect(code).toBe(2);
      expect(err).toContain(`option '--start-date <day>' argument '${date}' is invalid. It must be a calendar day`);
      expect(service.seen).toHaveLength(0);
    },
  );

  test('stops waiting at the deadline and says how to go on', async () => {
    service.answer({
      'POST /v1/reconciliations': { status: 202, json: run },
      [`GET /v1/reconciliations/${ID}`]: { json: run },
    });
    const { code, err } = await reconcile('--timeout', '1');
    expect(code).toBe(2);
    expect(err).toContain(`Stopped waiting after 1 minute. The run goes on: reckoner runs ${ID}`);
    expect(service.seen.length).toBeGreaterThan(10);
    expect(service.seen.length).toBeLessThan(60);
  });

  test('draws a progress bar where stderr is a terminal, and only there', async () => {
    script({ outcome });
    const terminal = captured(true);
    const { out } = await reckoner([...ARGUMENTS, '--url', service.url], { stderr: terminal.stream });
    expect(terminal.text()).toContain('Comparing');
    expect(terminal.text()).toContain('100 of 480 slices');
    expect(out).not.toContain('Comparing');
  });

  test('stops at ctrl-c and leaves the run alone', async () => {
    script({ outcome });
    const stop = new AbortController();
    const wait = async () => {
      stop.abort();
      stop.signal.throwIfAborted();
    };
    const { code, err } = await reckoner([...ARGUMENTS, '--url', service.url], { signal: stop.signal, wait });
    expect(code).toBe(130);
    expect(err).toContain('What the service has begun goes on');
  });

  test('prints a refusal as sentences, with every field and its rule', async () => {
    const errors = [{ field: 'endDate', rule: 'must not be before startDate' }];
    service.answer({ 'POST /v1/reconciliations': problem('invalid-request', 400, { errors, requestId: 'q-7' }) });
    const { code, err } = await reconcile();
    expect(code).toBe(2);
    expect(err).toBe('A title.\n  endDate: must not be before startDate\n(invalid-request, status 400, request q-7)\n');
  });

  test('says how to give a key when there is none', async () => {
    service.answer({ 'POST /v1/reconciliations': problem('unknown-key', 401) });
    expect((await reconcile()).err).toContain('--key or in RECKONER_KEY');
  });

  test('says when the service cannot be reached', async () => {
    const { code, err } = await reckoner([...ARGUMENTS, '--url', 'http://127.0.0.1:9']);
    expect(code).toBe(2);
    expect(err).toContain('The service at http://127.0.0.1:9 cannot be reached');
    expect(err).not.toContain('    at ');
  });
});
