import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problem, reckoner, startService, type TestService } from './service.ts';

const RATE_CARD = 'standard@2026-11-01T00:00:00.000Z';
const ID = 'parity-2026-10-01234567';
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

const run = {
  ...{ id: ID, kind: 'parity', month: '2026-10', status: 'requested', rateCard: RATE_CARD },
  ...{ requestedBy: 'key', requestedAt: '2026-11-03T00:00:00.000Z', progress: { slicesDone: 0 } },
};

function script(counts: Readonly<Record<string, number>>): void {
  const outcome = {
    sentence: `Parity of 2026-10 with ${RATE_CARD}.`,
    counts: { same: 1, differs: 0, 'lines-that-differ': 0, 'charges-not-priced': 0, ...counts },
    totals: [{ asset: 'USD/2', before: '8700', after: '13100' }],
  };
  const artifacts = { 'parity.csv': `${service.url}/parity.csv` };
  service.answer({
    'POST /v1/billing-runs': { status: 202, json: run },
    [`GET /v1/billing-runs/${ID}`]: [{ json: run }, { json: { ...run, status: 'succeeded', outcome, artifacts } }],
    'GET /parity.csv': { text: 'invoice_id\r\n' },
  });
}

const parity = (...more: string[]) =>
  reckoner([
    ...['invoices', 'parity', '--month', '2026-10', '--rate-card', RATE_CARD],
    ...['--url', service.url, '--key', 'k', ...more],
  ]);

describe('reckoner invoices parity', () => {
  test('starts a run, follows it, saves the lines and says by its exit code that some differ', async () => {
    script({ differs: 1, 'lines-that-differ': 2 });
    const file = join(directory, 'parity.csv');
    const { code, out } = await parity('--account', 'customer:acme', '--output', file);
    expect(code).toBe(1);
    expect(service.seen[0]?.json).toEqual({
      ...{ id: ID, kind: 'parity', month: '2026-10', rateCard: RATE_CARD, accounts: ['customer:acme'] },
    });
    expect(out).toMatch(/USD\/2 +│ +87\.00 USD │ +131\.00 USD │ +44\.00 USD/);
    expect(out.trimEnd().split('\n').at(-1)).toBe(`Parity of 2026-10 with ${RATE_CARD}.`);
    expect(await readFile(file, 'utf8')).toBe('invoice_id\r\n');
  });

  test.each([
    ['every line is the same', {}, 0],
    ['charges could not be priced', { 'charges-not-priced': 1 }, 1],
    ['there was nothing to compare', { same: 0 }, 2],
  ])('where %s', async (_, counts, code) => {
    script(counts);
    expect((await parity()).code).toBe(code);
  });

  test('tells a refusal, and nothing was done', async () => {
    const errors = [{ field: 'rateCard', rule: 'must be a published version, of which there are 1' }];
    service.answer({ 'POST /v1/billing-runs': problem('invalid-request', 400, { errors }) });
    const { code, err } = await parity();
    expect(code).toBe(2);
    expect(err).toContain('rateCard: must be a published version');
  });
});
