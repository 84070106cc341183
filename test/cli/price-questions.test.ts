import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problem, reckoner, startService, type TestService } from './service.ts';

const card = {
  name: 'standard',
  effectiveFrom: '2026-12-01T00:00:00.000Z',
  asset: 'USD/2',
  revenueAccount: 'platform:usage:revenue',
  operations: { chat: { prices: { input: { amount: '3', per: '1000' } }, minimum: '5', rounding: 'half-up' } },
};

let service: TestService;
let directory: string;
let file: string;
beforeAll(async () => {
  service = await startService();
  directory = await mkdtemp(join(tmpdir(), 'reckoner-cli-'));
  file = join(directory, 'card.json');
  await writeFile(file, JSON.stringify(card));
});
afterAll(async () => {
  await service.stop();
  await rm(directory, { recursive: true });
});

const rateCards = (...argv: string[]) => reckoner(['--url', service.url, 'rate-cards', ...argv]);

describe('reckoner rate-cards preview', () => {
  const PATH = 'POST /v1/rate-cards/preview';
  const preview = {
    amount: '1234',
    asset: 'USD/2',
    rateCard: 'standard@2026-11-01T00:00:00.000Z',
    isProposal: false,
    isOverride: true,
    breakdown: [
      { dimension: 'input', mode: 'flat', quantity: '4808', amount: '3', per: '1000', cost: '1803/125' },
      ...[
        { dimension: 'output', mode: 'graduated', above: '0', upTo: '1000', quantity: '1000' },
        { dimension: 'output', mode: 'graduated', above: '1000', upTo: null, quantity: '5' },
      ].map((line) => ({ ...line, amount: '1', per: '1', cost: line.quantity })),
    ],
    cost: '127428/125',
    rounding: 'half-up',
    minimum: '5',
  };

  test('sends what was said and nothing else', async () => {
    service.answer({ [PATH]: { json: preview } });
    await rateCards(
      ...['preview', '--operation', 'chat', '--quantity', 'input=4808', '--quantity', 'output=1005'],
      ...['--account', 'customer:acme', '--at', '2026-11-20T00:00:00Z'],
    );
    await rateCards('preview', '--operation', 'chat', '--rate-card', 'standard');
    await rateCards('preview', '--operation', 'chat', '--account', 'customer:acme', '--file', file);
    expect(service.seen.map(({ json }) => json)).toEqual([
      {
        operation: 'chat',
        quantities: { input: '4808', output: '1005' },
        account: 'customer:acme',
        at: '2026-11-20T00:00:00Z',
      },
      { operation: 'chat', rateCard: 'standard' },
      { operation: 'chat', account: 'customer:acme', proposal: card },
    ]);
  });

  test('prints the price and how it comes about', async () => {
    service.answer({ [PATH]: [problem('unavailable', 503), { json: preview }] });
    const { code, out } = await rateCards('preview', '--operation', 'chat', '--account', 'customer:acme');
    expect(code).toBe(0);
    expect(out).toContain('Amount           12.34 USD\nRate card        standard@2026-11-01T00:00:00.000Z\n');
    expect(out).toContain("Prices           the account's own\nBefore rounding  127428/125 minor units\n");
    expect(out).toMatch(/input +│ flat +│ +4808 │ 0.03 USD per 1000 input │ +1803\/125/);
    expect(out).toMatch(/output +│ graduated: above 0, up to 1000 +│ +1000 │ 0.01 USD per output/);
    expect(out).toMatch(/output +│ graduated: above 1000 +│ +5 │/);
    const { out: json } = await rateCards('preview', '--operation', 'chat', '--account', 'customer:acme', '--json');
    expect(JSON.parse(json)).toEqual(preview);
  });

  test('says when the version is not published, and needs no breakdown', async () => {
    service.answer({ [PATH]: { json: { ...preview, isProposal: true, isOverride: false, breakdown: [] } } });
    const { out } = await rateCards('preview', '--operation', 'chat', '--file', file);
    expect(out).toContain("(not published)\nPrices           the card's\n");
    expect(out).toMatch(/Minimum +0.05 USD\n$/);
  });

  test.each([
    ['no operation', [], "required option '--operation <operation>'"],
    ['a quantity that is none', ['--operation', 'chat', '--quantity', 'input'], 'Write it as name=value.'],
    ['a file that is not there', ['--operation', 'chat', '--file', 'gone.json'], 'gone.json cannot be read as JSON'],
  ])('answers %s with what is wrong', async (_, argv, message) => {
    expect(await rateCards('preview', ...argv)).toMatchObject({ code: 2, err: expect.stringContaining(message) });
  });
});

describe('reckoner rate-cards effect', () => {
  const PATH = 'POST /v1/rate-cards/effect';
  const figures = {
    events: 1_200,
    priced: 1_199,
    unpriced: 1,
    published: '100000',
    proposed: '87500',
    difference: '-12500',
    percent: '-12.50',
  };
  const effect = {
    rateCard: 'standard@2026-12-01T00:00:00.000Z',
    asset: 'USD/2',
    startDate: '2026-11-01',
    endDate: '2026-11-30',
    accounts: [{ account: 'customer:acme', ...figures }],
    total: figures,
    reasons: [{ by: 'proposal', rule: 'has no price for "embed"', events: 1 }],
  };
  const ask = ['effect', '--file', '', '--start-date', '2026-11-01', '--end-date', '2026-11-30'];
  const argv = () => ask.map((text) => (text === '' ? file : text));

  test('sends the file and the accounts, and prints what would have changed, and why events have no price', async () => {
    service.answer({ [PATH]: { json: effect } });
    const { code, out } = await rateCards(...argv(), '--account', 'customer:acme', 'customer:b');
    expect(code).toBe(0);
    expect(service.seen[0]?.json).toEqual({
      proposal: card,
      startDate: '2026-11-01',
      endDate: '2026-11-30',
      accounts: ['customer:acme', 'customer:b'],
    });
    expect(out).toContain('Effect of standard@2026-12-01T00:00:00.000Z: 2026-11-01 to 2026-11-30\n');
    expect(out).toMatch(/customer:acme │ +1,200 │ +1 │ 1,000.00 USD │ 875.00 USD │ -125.00 USD │ -12.50 %/);
    expect(out).toMatch(/Total +│ +1,200 │/);
    expect(out).toMatch(/proposal +│ has no price for "embed" │ +1/);
  });

  test('--json prints what the service said', async () => {
    service.answer({ [PATH]: { json: { ...effect, reasons: [] } } });
    const { out } = await rateCards(...argv(), '--account', 'customer:acme', '--json');
    expect(JSON.parse(out)).toEqual({ ...effect, reasons: [] });
    expect((await rateCards(...argv(), '--account', 'customer:acme')).out).not.toContain('No price by');
  });

  test('asks for accounts', async () => {
    expect(await rateCards(...argv())).toMatchObject({
      code: 2,
      err: expect.stringContaining("required option '--account <account...>'"),
    });
  });

  test('says when there is too much usage for one answer', async () => {
    service.answer({ [PATH]: problem('too-much-usage', 422, { detail: 'Ask for fewer accounts or days.' }) });
    expect(await rateCards(...argv(), '--account', 'customer:acme')).toMatchObject({
      code: 2,
      err: expect.stringContaining('Ask for fewer accounts or days.'),
    });
  });
});
