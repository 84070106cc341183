import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problem, reckoner, startService, type TestService } from './service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const transfer = {
  id: 't-1',
  kind: 'charge',
  debit: 'customer:acme',
  credit: 'platform:usage:revenue',
  asset: 'USD/2',
  amount: '12345',
  effectiveAt: '2026-11-02T00:00:00.000Z',
  recordedAt: '2026-11-02T00:00:01.000Z',
  operation: 'chat',
  quantities: { input: '1000', output: '20' },
  reversed: '45',
  reversedBy: ['r-1', 'r-2'],
};
const { reversed: _, reversedBy: __, ...plain } = transfer;
const reversal = { ...plain, id: 'r-3', debit: plain.credit, credit: plain.debit, amount: '300', corrects: 't-1' };
const PATH = 'POST /v1/transfers/t-1/reversals';

const transfers = (...argv: string[]) => reckoner(['--url', service.url, 'transfers', ...argv]);

describe('reckoner transfers show', () => {
  test('shows a transfer and what was reversed of it', async () => {
    service.answer({ 'GET /v1/transfers/t-1': { json: transfer } });
    const { code, out } = await transfers('show', 't-1');
    expect(code).toBe(0);
    expect(out).toContain('Amount       123.45 USD\n');
    expect(out).toContain('Quantities   1000 input, 20 output\n');
    expect(out).toContain('Reversed     0.45 USD\nReversed by  r-1, r-2\n');
    expect(JSON.parse((await transfers('show', 't-1', '--json')).out)).toEqual(transfer);
  });

  test('sends an id with slashes and dots as one part of the path', async () => {
    service.answer({ 'GET /v1/transfers/a%2F..%2Fb': { json: { ...transfer, reversed: '0', reversedBy: [] } } });
    const { code, out } = await transfers('show', 'a/../b');
    expect(code).toBe(0);
    expect(out).not.toContain('Reversed by');
  });

  test('exits with 2 for a transfer that nobody knows', async () => {
    service.answer({ 'GET /v1/transfers/x': problem('not-found', 404, { detail: 'There is no transfer "x".' }) });
    expect(await transfers('show', 'x')).toMatchObject({
      code: 2,
      err: expect.stringContaining('There is no transfer "x".'),
    });
  });
});

describe('reckoner transfers reverse', () => {
  test('sends what was said, and shows the transfer that takes back', async () => {
    service.answer({ [PATH]: { status: 201, json: reversal } });
    const { code, out, err } = await transfers(
      ...['reverse', 't-1', '--amount', '300', '--effective-at', '2026-11-03T00:00:00Z'],
      ...['--description', 'too much', '--id', 'r-3'],
    );
    expect(code).toBe(0);
    expect(service.seen[0]?.json).toEqual({
      id: 'r-3',
      amount: '300',
      effectiveAt: '2026-11-03T00:00:00Z',
      description: 'too much',
    });
    expect(out).toContain('Amount       3.00 USD\n');
    expect(out).toContain('Takes back   t-1\n');
    expect(err).toBe('');
  });

  test('names the reversal itself, says so first, and so may try again', async () => {
    service.answer({ [PATH]: [problem('unavailable', 503), { status: 201, json: reversal }] });
    const { code, out, err } = await transfers('reverse', 't-1', '--json');
    const id = 'reversal-0123456789abcdef';
    expect(code).toBe(0);
    expect(service.seen.map(({ json }) => json)).toEqual([{ id }, { id }]);
    expect(JSON.parse(out)).toEqual(reversal);
    expect(err).toMatch(new RegExp(`^The reversal is named ${id}; to try again, add --id ${id}\n`));
  });

  test('says when it was posted before', async () => {
    service.answer({ [PATH]: { status: 200, json: reversal } });
    expect(await transfers('reverse', 't-1', '--id', 'r-3')).toMatchObject({
      code: 0,
      err: 'r-3 was posted before; nothing was posted now.\n',
    });
  });

  test('says why it cannot be', async () => {
    const errors = [{ field: 'amount', rule: 'must be at most 300: the rest was reversed' }];
    service.answer({ [PATH]: problem('over-reversed', 409, { errors }) });
    expect(await transfers('reverse', 't-1', '--amount', '301')).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('amount: must be at most 300: the rest was reversed'),
    });
  });
});
