import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { boot, type Installation } from '../../bin/boot.ts';
import { prepare } from '../../demo/play.ts';

let installation: Installation;
const DAY = '2026-11-19';

beforeAll(async () => {
  installation = await boot({ assemblyDirectory: inject('assemblyDirectory'), log: () => undefined });
  await prepare(installation.client, DAY);
});
afterAll(() => installation?.stop());

const headers = () => ({ authorization: `Bearer ${installation.key}`, 'content-type': 'application/json' });

const send = (path: string, body: unknown) =>
  fetch(`${installation.apiUrl}${path}`, { method: 'POST', headers: headers(), body: JSON.stringify(body) });

const search = (id: string, account: string) => ({
  id,
  account,
  operation: 'search',
  quantities: {},
  effectiveAt: `${DAY}T12:00:00Z`,
});

async function openWith(account: string, funds: number): Promise<void> {
  await send('/v1/accounts', { id: account, openedOn: DAY });
  const funding = { id: `fund-${account}`, debit: 'platform:funding', credit: account, amount: funds, asset: 'TOKEN' };
  expect((await send('/v1/transfers', funding)).status).toBe(201);
}

async function available(account: string): Promise<string | undefined> {
  const answer = await installation.client.getAccount({ params: { accountId: account } });
  return answer.ok ? answer.body.available : undefined;
}

describe('over real HTTP, on the embedded engine', () => {
  test('fifty concurrent sends of one charge make one transfer and fifty equal answers', async () => {
    await openWith('customer:fifty', 100);
    const answers = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const response = await send('/v1/charges', search('fifty-1', 'customer:fifty'));
        return { status: response.status, body: await response.text() };
      }),
    );
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(49);
    expect(await available('customer:fifty')).toBe('98');
  });

  test('twenty concurrent charges of 1 against 5 credits make exactly five', async () => {
    await openWith('customer:twenty', 5);
    const charge = (index: number) => ({ ...search(`twenty-${index}`, 'customer:twenty'), operation: 'embedding' });
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => (await send('/v1/charges', charge(index))).status),
    );
    expect(statuses.filter((status) => status === 201)).toHaveLength(5);
    expect(statuses.filter((status) => status === 402)).toHaveLength(15);
    expect(await available('customer:twenty')).toBe('0');
  });

  test('a retry after a lost answer changes nothing', async () => {
    await openWith('customer:lost', 100);
    const body = JSON.stringify(search('lost-1', 'customer:lost'));
    const { hostname, port } = new URL(installation.apiUrl);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    const lines = Object.entries({ host: hostname, ...headers(), 'content-length': body.length });
    socket.write(
      `POST /v1/charges HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}`).join('\r\n')}\r\n\r\n${body}`,
    );
    // The answer is on its way, and nobody will ever read it.
    await once(socket, 'readable');
    socket.destroy();

    const retry = await send('/v1/charges', search('lost-1', 'customer:lost'));
    expect([retry.status, retry.headers.get('idempotent-replayed')]).toEqual([200, 'true']);
    expect(await available('customer:lost')).toBe('98');
  });

  test('an id with other content is refused, and the field is named', async () => {
    await openWith('customer:other', 100);
    await send('/v1/charges', search('other-1', 'customer:other'));
    const response = await send('/v1/charges', { ...search('other-1', 'customer:other'), operation: 'embedding' });
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ errors: [{ field: 'operation' }] });
  });
});

describe('at the door', () => {
  const get = (path: string, authorization?: string) =>
    fetch(`${installation.apiUrl}${path}`, authorization === undefined ? {} : { headers: { authorization } });

  test('no key is 401, a wrong key 403, an unknown route 404', async () => {
    expect((await get('/v1/rate-cards')).status).toBe(401);
    expect((await get('/v1/rate-cards', 'Bearer rk_dev_nobody')).status).toBe(403);
    expect((await get('/v1/nothing', headers().authorization)).status).toBe(404);
  });

  test('a key without a scope is told so; a bound key sees its account alone', async () => {
    const reader = await installation.createKey({ name: 'reader', scopes: ['ledger:read'], account: 'customer:acme' });
    expect((await get('/v1/accounts/customer:acme', `Bearer ${reader}`)).status).toBe(200);
    expect((await get('/v1/accounts/customer:borealis', `Bearer ${reader}`)).status).toBe(404);
    expect((await get('/v1/reconciliations', `Bearer ${reader}`)).status).toBe(403);
  });

  test('a body of 1 MB is 413, and broken JSON is 400', async () => {
    const post = (body: string) =>
      fetch(`${installation.apiUrl}/v1/charges`, { method: 'POST', headers: headers(), body });
    expect((await post(JSON.stringify('a'.repeat(1024 * 1024)))).status).toBe(413);
    const broken = await post('{"id": ');
    expect([broken.status, broken.headers.get('content-type')]).toEqual([400, 'application/problem+json']);
  });

  test('the OpenAPI document is there for everybody', async () => {
    const document = (await (await get('/v1/openapi.json')).json()) as { openapi: string; paths: object };
    expect(document.openapi).toMatch(/^3\.1/);
    expect(Object.keys(document.paths)).toContain('/v1/charges');
  });
});
