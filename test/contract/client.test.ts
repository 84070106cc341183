import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest';
import { type Client, createClient } from '../../contract/client.ts';
import { problem, startService, type TestService } from '../cli/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

/** A client that waits for nothing: its clock moves by what it would have waited. */
function client(change: Partial<Parameters<typeof createClient>[0]> = {}): { client: Client; waits: number[] } {
  const waits: number[] = [];
  let clock = 0;
  return {
    waits,
    client: createClient({
      baseUrl: service.url,
      key: 'rk_test',
      now: () => clock,
      random: () => 0.5,
      wait: async (milliseconds) => {
        waits.push(milliseconds);
        clock += milliseconds;
      },
      ...change,
    }),
  };
}

const account = {
  id: 'customer:acme',
  asset: 'TOKEN',
  balance: 'strict',
  status: 'open',
  openedOn: '2026-11-01',
  createdAt: '2026-11-01T00:00:00.000Z',
  creditLimit: '0',
};
const transfer = {
  id: 't-1',
  kind: 'charge',
  debit: 'customer:acme',
  credit: 'platform:revenue',
  asset: 'TOKEN',
  amount: '5',
  effectiveAt: '2026-11-01T00:00:00.000Z',
  recordedAt: '2026-11-01T00:00:00.000Z',
};
const charge = { account: 'customer:acme', operation: 'chat', quantities: { requests: 1 } };

describe('a call', () => {
  test('sends the key, the body and what the caller adds', async () => {
    service.answer({ 'POST /v1/charges': { status: 201, json: transfer } });
    const answer = await client().client.postCharge({ body: charge, headers: { 'idempotency-key': '"t-1"' } });
    expect(answer).toMatchObject({ ok: true, status: 201, body: transfer });
    expect(service.seen[0]).toMatchObject({
      json: charge,
      headers: {
        authorization: 'Bearer rk_test',
        'content-type': 'application/json',
        'idempotency-key': '"t-1"',
        accept: 'application/json',
      },
    });
  });

  test('encodes path parameters and the query, and bears a base URL with a slash', async () => {
    const path = '/v1/accounts/customer%3Aacme%2F..%2Fx?at=a%26b';
    service.answer({ [`GET ${path}`]: { json: account } });
    const { client: slashed } = client({ baseUrl: `${service.url}//` });
    const call = { params: { accountId: 'customer:acme/../x' }, query: { at: 'a&b', left: undefined } };
    expect(await slashed.getAccount(call)).toMatchObject({ ok: true });
  });

  test('refuses an empty path parameter instead of calling another route', async () => {
    service.answer({});
    await expect(client().client.getAccount({ params: { accountId: '' } })).rejects.toThrow('"accountId" is missing');
    expect(service.seen).toHaveLength(0);
  });

  test('needs no argument where the operation takes none', async () => {
    service.answer({ 'GET /v1/rate-cards': { json: { rateCards: [] } } });
    expect(await client().client.listRateCards()).toMatchObject({ ok: true, body: { rateCards: [] } });
  });

  test('has the types of the contract', () => {
    type Charged = Awaited<ReturnType<Client['postCharge']>>;
    type Good = Extract<Charged, { ok: true }>;
    expectTypeOf<Good['status']>().toEqualTypeOf<200 | 201>();
    expectTypeOf<Good['body']['amount']>().toEqualTypeOf<string>();
    expectTypeOf<Parameters<Client['listRateCards']>>().toMatchTypeOf<[unknown?]>();
    expectTypeOf<Parameters<Client['getAccount']>[0]['params']>().toEqualTypeOf<
      Readonly<Record<'accountId', string>>
    >();
    expectTypeOf<Parameters<Client['postTransfer']>[0]['body']['amount']>().toEqualTypeOf<string | number>();
    expectTypeOf<Extract<Awaited<ReturnType<Client['getOpenApi']>>, { ok: true }>['body']>().toBeUnknown();
  });
});

describe('an answer', () => {
  test('with a problem document is a value with its kind', async () => {
    const errors = [{ field: 'id', rule: 'must be text' }];
    service.answer({ 'POST /v1/charges': problem('insufficient-funds', 402, { errors, requestId: 'q-1' }) });
    const answer = await client().client.postCharge({ body: { ...charge, id: 't-1' } });
    expect(answer).toMatchObject({
      ok: false,
      status: 402,
      kind: 'insufficient-funds',
      problem: { detail: 'A detail.', errors, requestId: 'q-1' },
    });
  });

  test.each([
    ['of a gateway', { status: 403, json: { message: 'Forbidden' } }, 'Forbidden'],
    ['that is no JSON', { status: 400, text: '<html>' }, 'Bad Request'],
    ['with a kind from the future', problem('brand-new', 409), 'A detail.'],
  ])('%s is a problem of no known kind', async (_, answer, detail) => {
    service.answer({ 'GET /v1/rate-cards': answer });
    expect(await client().client.listRateCards()).toMatchObject({
      ok: false,
      status: answer.status,
      kind: 'unrecognised',
      problem: { detail },
    });
  });

  test('with fields that this version does not know yet is taken', async () => {
    service.answer({
      'GET /v1/accounts/customer%3Aacme': { json: { ...account, mood: 'good' } },
      'POST /v1/usage': { json: { requestId: 'r', status: 'duplicate', mood: 'good' } },
    });
    const { client: newer } = client();
    expect(await newer.getAccount({ params: { accountId: 'customer:acme' } })).toMatchObject({ ok: true });
    const event = { ...charge, requestId: 'r', occurredAt: '2026-11-01T00:00:00Z' };
    expect(await newer.recordUsage({ body: event })).toMatchObject({ ok: true });
  });

  test.each([
    ['another shape', { json: { accounts: [] } }, '"rateCards": Invalid input'],
    ['no JSON', { text: '<html>' }, 'it is not JSON'],
    ['a status that nobody promised', { status: 202, json: { rateCards: [] } }, 'no status 202'],
  ])('with %s is an error that says so', async (_, answer, why) => {
    service.answer({ 'GET /v1/rate-cards': answer });
    const call = client().client.listRateCards();
    await expect(call).rejects.toMatchObject({ name: 'UnexpectedAnswerError', message: expect.stringContaining(why) });
  });
});

describe('repeating', () => {
  const unavailable = problem('unavailable', 503);
  const fine = { json: { rateCards: [] } };

  test.each([429, 502, 503, 504])('goes on after %i until there is an answer', async (status) => {
    service.answer({ 'GET /v1/rate-cards': [{ status }, { status }, fine] });
    const { client: patient, waits } = client();
    expect(await patient.listRateCards()).toMatchObject({ ok: true });
    expect(waits).toEqual([50, 100]);
  });

  test('waits as long as the service says', async () => {
    service.answer({ 'GET /v1/rate-cards': [{ ...unavailable, headers: { 'retry-after': '2' } }, fine] });
    const { client: patient, waits } = client();
    await patient.listRateCards();
    expect(waits).toEqual([2_050]);
  });

  test('ends at the deadline with the last answer', async () => {
    service.answer({ 'GET /v1/rate-cards': unavailable });
    const { client: patient, waits } = client({ deadlineMs: 1_000 });
    expect(await patient.listRateCards()).toMatchObject({ ok: false, status: 503 });
    expect(waits.reduce((sum, wait) => sum + wait, 0)).toBeLessThan(1_000);
    expect(waits.length).toBeGreaterThan(3);
  });

  test('is done for a write that carries an id, in its body or as a header', async () => {
    service.answer({ 'POST /v1/charges': [unavailable, { status: 201, json: transfer }] });
    expect(await client().client.postCharge({ body: { ...charge, id: 't-1' } })).toMatchObject({ ok: true });
    service.answer({ 'POST /v1/charges': [unavailable, { status: 201, json: transfer }] });
    const headers = { 'Idempotency-Key': '"t-1"' };
    expect(await client().client.postCharge({ body: charge, headers })).toMatchObject({ ok: true });
  });

  test('is done for evidence, which is kept under its own content', async () => {
    service.answer({ 'POST /v1/usage': [unavailable, { status: 201, json: { requestId: 'r', status: 'recorded' } }] });
    const body = { ...charge, requestId: 'r', occurredAt: '2026-11-01T00:00:00Z' };
    expect(await client().client.recordUsage({ body })).toMatchObject({ ok: true });
  });

  test('is not done for a write without an id', async () => {
    service.answer({ 'POST /v1/charges': unavailable });
    expect(await client().client.postCharge({ body: charge })).toMatchObject({ ok: false, status: 503 });
    expect(service.seen).toHaveLength(1);
  });

  test.each([
    ['a refusal', problem('insufficient-funds', 402)],
    ['a fault of the service', problem('internal-error', 500)],
    ['a paused ledger, which is a decision', problem('ledger-paused', 503)],
  ])('is not done after %s', async (_, answer) => {
    service.answer({ 'POST /v1/charges': answer });
    expect(await client().client.postCharge({ body: { ...charge, id: 't-1' } })).toMatchObject({ ok: false });
    expect(service.seen).toHaveLength(1);
  });

  test('goes on after a broken connection', async () => {
    service.answer({ 'GET /v1/rate-cards': fine });
    let calls = 0;
    const broken: typeof fetch = (...parameters) =>
      calls++ < 2
        ? Promise.reject(new TypeError('fetch failed', { cause: new Error('ECONNRESET') }))
        : fetch(...parameters);
    expect(await client({ fetch: broken }).client.listRateCards()).toMatchObject({ ok: true });
  });

  test('ends at the deadline with an error that says what cannot be reached, and why', async () => {
    const broken: typeof fetch = () =>
      Promise.reject(new TypeError('fetch failed', { cause: new AggregateError([new Error('connect ECONNREFUSED')]) }));
    await expect(client({ fetch: broken, deadlineMs: 500 }).client.listRateCards()).rejects.toMatchObject({
      name: 'ServiceUnreachableError',
      message: `The service at ${service.url} cannot be reached: connect ECONNREFUSED.`,
    });
  });
});

describe('aborting', () => {
  test('ends a call with the reason of the signal', async () => {
    const stop = new AbortController();
    const hanging: typeof fetch = (_, options) =>
      new Promise((__, reject) => {
        options?.signal?.addEventListener('abort', () => reject(options.signal?.reason));
        stop.abort(new Error('ctrl-c'));
      });
    await expect(client({ fetch: hanging }).client.listRateCards({ signal: stop.signal })).rejects.toThrow('ctrl-c');
  });

  test('ends a wait', async () => {
    service.answer({ 'GET /v1/rate-cards': { status: 503 } });
    const stop = new AbortController();
    const real = createClient({ baseUrl: service.url, random: () => 1, deadlineMs: 60_000 });
    const call = real.listRateCards({ signal: stop.signal });
    const failed = expect(call).rejects.toThrow('ctrl-c');
    await expect.poll(() => service.seen.length).toBeGreaterThan(2);
    stop.abort(new Error('ctrl-c'));
    await failed;
  });
});
