import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BillingWorld, MONTH, startBillingWorld } from '../../support/billing-world.ts';

const ACME = 'customer:acme';
let world: BillingWorld;

beforeAll(async () => {
  world = await startBillingWorld();
  for (const account of [ACME, 'customer:bolt']) {
    await world.opened(account, 100n);
    await world.charged(account, `of-${account}`, 5n);
  }
  await world.opened('customer:acme:team-1', 50n);
  await world.charged('customer:acme:team-1', 'of-the-team', 3n);
  await world.run({ id: 'october', kind: 'generate', month: MONTH });
});
afterAll(() => world.stop());

const start = (body: object) => world.send('POST /v1/billing-runs', { body });
const rules = async (body: object) => {
  const answer = await start(body);
  expect(answer.status).toBe(400);
  return answer.body.errors?.map(({ field, rule }) => `${field} ${rule}`);
};

describe('a billing run', () => {
  it.each<[string, object, string]>([
    [
      'a month that is not over',
      { kind: 'generate', month: '2026-11' },
      'month must be over: 2026-11 has transfers to come',
    ],
    [
      'a month that is none',
      { kind: 'regenerate', month: '2026-13' },
      'month must be a calendar month, such as "2026-10"',
    ],
    [
      'an account that is billed with another',
      { kind: 'generate', month: MONTH, accounts: [`${ACME}:team-1`] },
      'accounts.0 must be an account that is billed: name "customer:acme"',
    ],
    [
      'an account that nothing prices',
      { kind: 'generate', month: MONTH, accounts: ['merchant:m1'] },
      'accounts.0 must be an account whose usage is priced: the chart of accounts gives it no rate card',
    ],
    ['no kind', {}, 'kind must name what the run does, one of "generate", "regenerate"'],
    ['a field that is none', { kind: 'generate', month: MONTH, dry: true }, 'dry is not a known field; leave it out'],
    [
      'a hash that is none',
      { kind: 'finalize', review: 'r', hash: 'abc' },
      'hash must be a SHA-256 in 64 hexadecimal digits of lower case',
    ],
  ])('is refused for %s', async (_what, body, rule) => {
    expect((await rules({ id: 'bad', ...body }))?.join()).toContain(rule);
    expect((await world.send('GET /v1/billing-runs/{runId}', { params: { runId: 'bad' } })).status).toBe(404);
  });

  it('may not take the name of a scheduled one', async () => {
    expect(await rules({ id: 'monthly-2026-10', kind: 'generate', month: MONTH })).toEqual([
      'id must not start with "monthly-", which names runs of the schedule',
    ]);
  });

  it('is the same run when it is asked for again, and a conflict when it is something else', async () => {
    const again = await start({ id: 'october', kind: 'generate', month: MONTH });
    expect(again).toMatchObject({
      status: 200,
      headers: { 'idempotent-replayed': 'true' },
      body: { status: 'succeeded' },
    });
    const other = await start({ id: 'october', kind: 'regenerate', month: MONTH });
    expect(other).toMatchObject({ status: 422, body: { type: 'urn:reckoner:problem:conflict' } });
  });

  it('that makes invoices leaves alone those that are there', async () => {
    const run = await world.run({ id: 'twice', kind: 'generate', month: MONTH });
    expect(run.outcome?.counts).toEqual({});
  });

  it('tells nothing of reviews that are none', async () => {
    const answer = await start({ id: 'fin', kind: 'finalize', review: 'october', hash: '0'.repeat(64) });
    expect(answer).toMatchObject({ status: 404 });
  });
});

describe('an invoice', () => {
  it('bills all accounts of a customer together, each as a unit of its own', async () => {
    const invoice = await world.invoice(ACME);
    expect(invoice.due).toBe('8');
    expect((invoice.lines as { unit: string; type: string }[]).map(({ unit, type }) => `${unit} ${type}`)).toEqual([
      `${ACME} credit`,
      `${ACME} usage`,
      `${ACME}:team-1 credit`,
      `${ACME}:team-1 usage`,
    ]);
  });

  it('is shown to its own account, and does not exist for another', async () => {
    const ask = (account: string, invoiceId: string) =>
      world.send('GET /v1/invoices/{invoiceId}', { params: { invoiceId }, caller: { account, scopes: ['billing'] } });
    expect((await ask(ACME, `${MONTH}:${ACME}`)).status).toBe(200);
    const foreign = await ask('customer:bolt', `${MONTH}:${ACME}`);
    const missing = await ask('customer:bolt', `${MONTH}:customer:none`);
    expect(foreign.status).toBe(404);
    expect(String(foreign.body.detail).replace(ACME, 'X')).toBe(
      String(missing.body.detail).replace('customer:none', 'X'),
    );
    const list = await world.send('GET /v1/invoices', {
      query: { month: MONTH },
      caller: { account: ACME, scopes: ['billing'] },
    });
    expect(list.status).toBe(403);
  });

  it.each(['', 'x', '2026-10:customer:none', `2026-09:${ACME}`, `${MONTH}:${ACME}~9`, `${MONTH}:${'a'.repeat(300)}`])(
    'with the id "%s" is not there',
    async (invoiceId) => {
      for (const route of [
        'GET /v1/invoices/{invoiceId}',
        'GET /v1/invoices/{invoiceId}/diff',
        'POST /v1/invoices/{invoiceId}/void',
      ]) {
        expect((await world.send(route, { params: { invoiceId } })).status).toBe(404);
      }
    },
  );

  it('is listed page by page, each once', async () => {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const query = { month: MONTH, limit: '1', ...(cursor !== undefined && { cursor }) };
      const { status, body } = await world.send('GET /v1/invoices', { query });
      expect(status).toBe(200);
      seen.push(...(body.invoices as { id: string }[]).map(({ id }) => id));
      cursor = body.next as string | undefined;
    } while (cursor !== undefined);
    expect(seen.sort()).toEqual([`${MONTH}:${ACME}`, `${MONTH}:customer:bolt`]);
    const forged = await world.send('GET /v1/invoices', { query: { month: MONTH, cursor: 'bm90IGEgY3Vyc29y' } });
    expect(forged.status).toBe(400);
  });

  it('has no versions beyond its own to compare', async () => {
    const ask = (query: Record<string, string>) =>
      world.send('GET /v1/invoices/{invoiceId}/diff', { params: { invoiceId: `${MONTH}:${ACME}` }, query });
    expect((await ask({ to: '2' })).body.errors).toEqual([
      { field: 'to', rule: 'must be a version of the invoice, which has 1' },
    ]);
    expect((await ask({ from: '0' })).status).toBe(400);
    expect((await ask({})).body).toMatchObject({ from: 0, to: 1 });
  });

  it('is void once it is said to be, whoever says it again, and is recorded', async () => {
    const params = { invoiceId: `${MONTH}:customer:bolt` };
    const first = await world.send('POST /v1/invoices/{invoiceId}/void', { params });
    expect(first).toMatchObject({ status: 200, body: { status: 'void' } });
    expect((await world.send('POST /v1/invoices/{invoiceId}/void', { params })).body).toEqual(first.body);
    const run = await world.run({ id: 'after-void', kind: 'regenerate', month: MONTH });
    expect(run.outcome?.counts).toEqual({ unchanged: 1, void: 1 });
  });

  it('that is final cannot be taken back', async () => {
    const { outcome } = await world.run({ id: 'review', kind: 'review', month: MONTH, accounts: [ACME] });
    await world.approve(outcome?.approval ?? '', outcome?.hash ?? '');
    await world.run({ id: 'final', kind: 'finalize', review: 'review', hash: outcome?.hash });
    const params = { invoiceId: `${MONTH}:${ACME}` };
    const answer = await world.send('POST /v1/invoices/{invoiceId}/void', { params });
    expect(answer).toMatchObject({ status: 409, body: { type: 'urn:reckoner:problem:billing-state' } });
    expect(String(answer.body.detail)).toContain('INV-2026-000001');
  });
});
