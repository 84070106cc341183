import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problem, reckoner, startService, type TestService } from './service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const ID = '5d0c1b7fa2e94c38';
const SECRET = `rk_prod_${ID}_secret`;
const key = {
  id: ID,
  name: 'billing worker',
  scopes: ['usage:write', 'ledger:read'],
  status: 'active',
  createdAt: '2026-11-20T00:00:00.000Z',
  createdBy: '0000000000000001',
};
const unavailable = problem('unavailable', 503);

const keys = (...argv: string[]) => reckoner(['--url', service.url, 'keys', ...argv]);

describe('reckoner keys create', () => {
  test('sends what was said and nothing else', async () => {
    service.answer({ 'POST /v1/keys': { status: 201, json: { ...key, key: SECRET } } });
    await keys('create', '--name', 'billing worker', '--scope', 'usage:write', 'ledger:read');
    expect(service.seen[0]?.json).toEqual({ name: 'billing worker', scopes: ['usage:write', 'ledger:read'] });
    await keys(
      ...['create', '--name', 'x', '--scope', 'usage:write', '--scope', 'ledger:read', '--account', 'customer:acme'],
      ...['--expires-at', '2027-01-31T00:00:00Z', '--id', ID],
    );
    expect(service.seen[1]?.json).toEqual({
      id: ID,
      name: 'x',
      scopes: ['usage:write', 'ledger:read'],
      account: 'customer:acme',
      expiresAt: '2027-01-31T00:00:00Z',
    });
  });

  test('prints the key alone, and notes aside that it is never shown again', async () => {
    service.answer({ 'POST /v1/keys': { status: 201, json: { ...key, key: SECRET } } });
    expect(await keys('create', '--name', 'x', '--scope', 'ledger:read')).toEqual({
      code: 0,
      out: `${SECRET}\n`,
      err: `This is the key ${ID}. Keep it now: it is never shown again.\n`,
    });
  });

  test('--json prints all that is known, the key included', async () => {
    service.answer({ 'POST /v1/keys': { status: 201, json: { ...key, key: SECRET } } });
    const { out, err } = await keys('create', '--name', 'x', '--scope', 'ledger:read', '--json');
    expect(JSON.parse(out)).toEqual({ ...key, key: SECRET });
    expect(err).toContain('never shown again');
  });

  test('is sent once where no id was chosen: another try could make another key', async () => {
    service.answer({ 'POST /v1/keys': unavailable });
    expect(await keys('create', '--name', 'x', '--scope', 'ledger:read')).toMatchObject({ code: 2, out: '' });
    expect(service.seen).toHaveLength(1);
  });

  test.each([
    ['no name', ['--scope', 'admin'], "required option '--name <text>'"],
    ['no scope', ['--name', 'x'], "required option '--scope <scope...>'"],
    ['a scope that there is not', ['--name', 'x', '--scope', 'all'], 'Allowed choices are usage:write, ledger:write'],
  ])('answers %s with what is wrong', async (_, argv, message) => {
    expect(await keys('create', ...argv)).toMatchObject({ code: 2, out: '', err: expect.stringContaining(message) });
  });

  test('says which rule of the service was broken', async () => {
    const errors = [{ field: 'expiresAt', rule: 'must be in the future' }];
    service.answer({ 'POST /v1/keys': problem('invalid-request', 400, { errors }) });
    expect(await keys('create', '--name', 'x', '--scope', 'admin')).toMatchObject({
      code: 2,
      err: expect.stringContaining('expiresAt: must be in the future'),
    });
  });
});

describe('reckoner keys list', () => {
  test('lists the keys of every page', async () => {
    const other = { ...key, id: '6d0c1b7fa2e94c38', name: 'other', status: 'revoked', lastUsedOn: '2026-11-19' };
    service.answer({
      'GET /v1/keys?limit=200': { json: { keys: [key], next: ID } },
      [`GET /v1/keys?limit=200&cursor=${ID}`]: { json: { keys: [other] } },
    });
    const { code, out, err } = await keys('list');
    expect(code).toBe(0);
    expect(out).toMatch(/5d0c1b7fa2e94c38 │ billing worker │ active +│ usage:write, ledger:read/);
    expect(out).toMatch(/6d0c1b7fa2e94c38 │ other +│ revoked .* 2026-11-19/);
    expect(err).toBe('');
    const { out: json } = await keys('list', '--json');
    expect(JSON.parse(json)).toEqual({ keys: [key, other] });
  });

  test('ends after ten thousand keys and says that there are more', async () => {
    const page = { keys: Array.from({ length: 200 }, () => key), next: ID };
    service.answer({
      'GET /v1/keys?limit=200': { json: page },
      [`GET /v1/keys?limit=200&cursor=${ID}`]: { json: page },
    });
    const { out, err } = await keys('list', '--json');
    expect(JSON.parse(out)).toMatchObject({ keys: { length: 10_000 }, next: ID });
    expect(err).toBe('There are more than 10,000 keys.\n');
  });

  test('says that there are none', async () => {
    service.answer({ 'GET /v1/keys?limit=200': { json: { keys: [] } } });
    expect((await keys('list')).out).toBe('There are no keys.\n');
  });
});

describe('reckoner keys show', () => {
  test('shows what is known of a key', async () => {
    const bound = { ...key, account: 'customer:acme', status: 'rotated', replacedBy: '6d0c1b7fa2e94c38' };
    service.answer({ [`GET /v1/keys/${ID}`]: { json: bound } });
    const { out } = await keys('show', ID);
    expect(out).toContain('Status       rotated\nScopes       usage:write, ledger:read\nAccount      customer:acme\n');
    expect(out).toContain('Replaced by  6d0c1b7fa2e94c38\n');
    expect(JSON.parse((await keys('show', ID, '--json')).out)).toEqual(bound);
  });

  test('exits with 2 for a key that nobody knows', async () => {
    service.answer({ 'GET /v1/keys/x': problem('not-found', 404, { detail: 'There is no key "x".' }) });
    expect(await keys('show', 'x')).toMatchObject({ code: 2, err: expect.stringContaining('There is no key "x".') });
  });
});

describe('reckoner keys rotate', () => {
  const path = `POST /v1/keys/${ID}/rotate`;
  const successor = { ...key, id: '6d0c1b7fa2e94c38', replaces: ID, key: 'rk_prod_6d0c1b7fa2e94c38_new' };

  test.each([
    [[], {}],
    [['--overlap', '0'], { overlapSeconds: 0 }],
    [
      ['--overlap', '60', '--expires-at', '2027-01-31T00:00:00Z'],
      { overlapSeconds: 60, expiresAt: '2027-01-31T00:00:00Z' },
    ],
  ])('with %j sends %j', async (argv, body) => {
    service.answer({ [path]: { status: 201, json: successor } });
    expect(await keys('rotate', ID, ...argv)).toMatchObject({ code: 0, out: 'rk_prod_6d0c1b7fa2e94c38_new\n' });
    expect(service.seen[0]?.json).toEqual(body);
  });

  test('says that the new key is never shown again, and how to see until when the old one works', async () => {
    service.answer({ [path]: { status: 201, json: successor } });
    const { err } = await keys('rotate', ID);
    expect(err).toContain('This is the key 6d0c1b7fa2e94c38. Keep it now: it is never shown again.');
    expect(err).toContain(`reckoner keys show ${ID}`);
  });

  test('is sent once: its answer alone tells the new key', async () => {
    service.answer({ [path]: unavailable });
    expect(await keys('rotate', ID)).toMatchObject({ code: 2, out: '' });
    expect(service.seen).toHaveLength(1);
  });

  test.each(['-1', '1.5', 'x', '', '604801'])('asks for an overlap that can be (%j)', async (overlap) => {
    expect(await keys('rotate', ID, `--overlap=${overlap}`)).toMatchObject({
      code: 2,
      err: expect.stringContaining('Give a whole number from 0 to 604800.'),
    });
  });
});

describe('reckoner keys revoke', () => {
  test('is tried again until the service answers, and shows the key', async () => {
    const revoked = { ...key, status: 'revoked', revokedAt: '2026-11-20T01:00:00.000Z', revokedBy: '0000000000000001' };
    service.answer({ [`POST /v1/keys/${ID}/revoke`]: [unavailable, { json: revoked }] });
    const { code, out, err } = await keys('revoke', ID);
    expect(code).toBe(0);
    expect(service.seen.map(({ body }) => body.length)).toEqual([0, 0]);
    expect(out).toContain('Status      revoked\n');
    expect(err).toContain('A key that was just used may be let in for another 60 seconds.');
    expect(JSON.parse((await keys('revoke', ID, '--json')).out)).toEqual(revoked);
  });
});
