import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problem, reckoner, startService, type TestService } from './service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const hold = {
  id: 'h-1',
  account: 'customer:acme',
  credit: 'platform:revenue:usage',
  asset: 'USD/2',
  amount: '12345',
  status: 'open',
  createdAt: '2026-11-02T00:00:00.000Z',
  expiresAt: '2026-11-02T00:15:00.000Z',
  operation: 'chat',
  quantities: { input: '1000' },
};
const released = {
  ...hold,
  status: 'released',
  resolution: {
    kind: 'released',
    at: '2026-11-02T00:01:00.000Z',
    recordedAt: '2026-11-02T00:01:00.000Z',
    by: 'key-1',
    reason: 'The call failed.',
    freed: '12345',
  },
};
const transfer = {
  id: 'c-1',
  kind: 'charge',
  debit: hold.account,
  credit: hold.credit,
  asset: 'USD/2',
  amount: '345',
  effectiveAt: '2026-11-02T00:00:00.000Z',
  recordedAt: '2026-11-02T00:00:01.000Z',
  hold: 'h-1',
};

const holds = (...argv: string[]) => reckoner(['--url', service.url, 'holds', ...argv]);

describe('reckoner holds create', () => {
  test('sends what was said, and shows the hold', async () => {
    service.answer({ 'POST /v1/holds': { status: 201, json: hold } });
    const usage = ['--operation', 'chat', '--quantity', 'input=1000', '--quantity', 'output=5'];
    const { code, out, err } = await holds('create', 'customer:acme', ...usage, '--expires-in', '60', '--id', 'h-1');
    expect(code).toBe(0);
    expect(service.seen[0]?.json).toEqual({
      id: 'h-1',
      account: 'customer:acme',
      operation: 'chat',
      quantities: { input: '1000', output: '5' },
      expiresInSeconds: 60,
    });
    expect(out).toContain('Amount      123.45 USD\n');
    expect(out).toContain('Expires at  2026-11-02T00:15:00.000Z\n');
    expect(err).toBe('');
  });

  test('names the hold itself, says so first, and so may try again', async () => {
    service.answer({ 'POST /v1/holds': [problem('unavailable', 503), { status: 200, json: hold }] });
    const amount = ['--amount', '12345', '--credit', 'platform:sink'];
    const { code, err } = await holds('create', 'customer:acme', ...amount);
    const id = 'hold-0123456789abcdef';
    expect(code).toBe(0);
    expect(service.seen.map(({ json }) => json)).toEqual(
      Array(2).fill({ id, account: 'customer:acme', amount: '12345', credit: 'platform:sink' }),
    );
    expect(err).toMatch(new RegExp(`^The hold is named ${id}; to try again, add --id ${id}\n`));
    expect(err).toContain(`${id} was there before; nothing was held now.\n`);
  });

  test('says why it cannot be', async () => {
    service.answer({ 'POST /v1/holds': problem('insufficient-funds', 402, { detail: 'Too little.' }) });
    const answer = await holds('create', 'customer:acme', '--amount', '1', '--credit', 'platform:sink', '--id', 'x');
    expect(answer).toMatchObject({ code: 2, out: '', err: expect.stringContaining('Too little.') });
    expect((await holds('create', 'customer:acme', '--operation', 'chat', '--quantity', 'input')).code).toBe(2);
    expect((await holds('create', 'customer:acme', '--amount', '1', '--expires-in', '604801')).code).toBe(2);
  });
});

describe('reckoner holds capture', () => {
  test('takes a part, or all that is held, and shows the transfer', async () => {
    service.answer({ 'POST /v1/holds/h-1/capture': { status: 201, json: transfer } });
    const { code, out } = await holds('capture', 'h-1', '--amount', '345', '--id', 'c-1');
    expect(code).toBe(0);
    expect(out).toContain('Captures     h-1\n');
    await holds('capture', 'h-1', '--id', 'c-1', '--json');
    await holds('capture', 'h-1', '--id', 'c-1', '--operation', 'free');
    expect(service.seen.map(({ json }) => json)).toEqual([
      { id: 'c-1', amount: '345' },
      { id: 'c-1' },
      { id: 'c-1', operation: 'free', quantities: {} },
    ]);
  });

  test('says how the hold ended where it cannot be captured any more', async () => {
    const errors = [{ field: 'holdId', rule: 'names a hold that was released before' }];
    service.answer({ 'POST /v1/holds/h-1/capture': problem('hold-released', 409, { errors }) });
    expect(await holds('capture', 'h-1', '--id', 'c-1')).toMatchObject({
      code: 2,
      err: expect.stringContaining('holdId: names a hold that was released before'),
    });
  });
});

test('reckoner holds release frees a hold, and show tells how it ended', async () => {
  service.answer({
    'POST /v1/holds/h-1/release': [problem('unavailable', 503), { json: released }],
    'GET /v1/holds/h-1': { json: released },
  });
  const { code, out } = await holds('release', 'h-1', '--reason', 'The call failed.');
  expect(code).toBe(0);
  expect(service.seen.map(({ json }) => json)).toEqual(Array(2).fill({ reason: 'The call failed.' }));
  expect(out).toContain('Status      released\n');
  expect((await holds('show', 'h-1')).out).toContain('Reason      The call failed.\nFreed       123.45 USD\n');
  expect(JSON.parse((await holds('show', 'h-1', '--json')).out)).toEqual(released);
});

describe('reckoner holds report', () => {
  const page = { status: 'uncaptured', from: '2026-11-01', to: '2026-11-02' };
  const totals = [{ asset: 'USD/2', holds: 1, amount: '12345' }];

  test('reads all pages and adds up what they come to', async () => {
    service.answer({
      'GET /v1/holds?from=2026-11-01&to=2026-11-02&limit=500': {
        json: { ...page, holds: [released], totals, next: 'more' },
      },
      'GET /v1/holds?cursor=more&limit=500': { json: { ...page, holds: [{ ...released, id: 'h-2' }], totals } },
    });
    const { code, out } = await holds('report', '--from', '2026-11-01', '--to', '2026-11-02');
    expect(code).toBe(0);
    expect(out).toContain('Holds never captured, by expiry from 2026-11-01 to 2026-11-02');
    expect(out).toMatch(/h-1 .*\n.*h-2 /);
    expect(out).toMatch(/USD\/2 │ +2 │ +246\.90 USD/);
  });

  test('says when there are none, and when there are more', async () => {
    service.answer({
      'GET /v1/holds?status=expired&limit=1': { json: { ...page, status: 'expired', holds: [], totals: [] } },
    });
    const none = await holds('report', '--status', 'expired', '--limit', '1');
    expect(none.out).toBe('No holds that expire from 2026-11-01 to 2026-11-02 have expired.\n');
    service.answer({ 'GET /v1/holds?limit=1': { json: { ...page, holds: [released], totals, next: 'more' } } });
    expect((await holds('report', '--limit', '1')).err).toContain('There are more than 1 hold;');
  });
});

test('reckoner accounts holds lists the holds of an account', async () => {
  const json = { account: 'customer:acme', status: 'open', from: '2026-11-02', to: '2026-11-09', holds: [hold] };
  service.answer({ 'GET /v1/accounts/customer%3Aacme/holds?limit=500': { json } });
  const { code, out } = await reckoner(['--url', service.url, 'accounts', 'holds', 'customer:acme']);
  expect(code).toBe(0);
  expect(out).toContain('Open holds of customer:acme that expire from 2026-11-02 to 2026-11-09');
  expect(out).toContain('123.45 USD');
});
