import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { boot, type Installation } from '../../bin/boot.ts';
import { type Json, openApiDocument } from '../../contract/openapi.ts';
import { type Scope, scopes } from '../../contract/scopes.ts';
import { expectOk } from '../../demo/play.ts';
import { addDays } from '../../domain/time.ts';
import { createGenerators } from '../fuzz/from-schema.ts';
import { kindOf } from '../fuzz/oracle.ts';
import type { Received } from '../fuzz/send.ts';
import { type Ask, ask, type KnownRoute, type Parameters, routes } from './callers.ts';
import { getLinks, type Links } from './links.ts';

/** Who may call what, for every route of the contract; and what a key that is bound to an account learns of others. */

let installation: Installation;
/** The last month that is over: what is invoiced. */
const month = addDays(`${new Date().toISOString().slice(0, 7)}-01`, -1).slice(0, 7);

beforeAll(async () => {
  installation = await boot({ assemblyDirectory: inject('assemblyDirectory'), log: () => undefined });
  await prepare();
});
afterAll(() => installation?.stop());

const named: (readonly [string, KnownRoute])[] = routes.map((route) => [route.id, route]);
const guarded = named.filter(([, { scope }]) => scope !== null);

const call = (route: KnownRoute, what: Ask) => ask(installation.apiUrl, route, what);

/** Stands in whatever belongs to others; no answer to a bound key may have it. */
const MARK = 'zqmarkzq';

const OWN = 'customer:bound';
/** Whose names begin alike, so that paths are not compared as mere text. */
const OTHER = 'customer:boundless';

async function prepare(): Promise<void> {
  const { client } = installation;
  const operations = { search: { prices: { requests: { amount: 2 } } } };
  const overrides = { [OTHER]: { [`agreed-${MARK}`]: { prices: { requests: { amount: 1 } } } } };
  const card = { asset: 'TOKEN', revenueAccount: 'platform:revenue:usage', effectiveFrom: `${month}-01T00:00:00Z` };
  expectOk(await client.publishRateCard({ body: { name: 'standard', ...card, operations, overrides } }));
  for (const id of [OWN, OTHER, `${OTHER}:team`]) {
    const metadata = id === OWN ? {} : { plan: MARK };
    expectOk(await client.openAccount({ body: { id, openedOn: `${month}-01`, metadata } }));
    const effectiveAt = `${month}-01T00:00:00Z`;
    const fund = { debit: 'platform:funding', amount: '777777', asset: 'TOKEN', effectiveAt };
    const description = id === OWN ? 'Funds' : MARK;
    expectOk(await client.postTransfer({ body: { ...fund, id: `funds:${id}`, credit: id, description } }));
  }
  const usage = { operation: 'search', quantities: { requests: '1' } };
  const effectiveAt = `${month}-15T00:00:00Z`;
  for (const [name, account] of [
    ['own', OWN],
    [`foreign`, OTHER],
  ] as const) {
    expectOk(await client.postCharge({ body: { id: `${name}-1`, account, ...usage } }));
    expectOk(await client.postCharge({ body: { id: `${name}-4`, account, effectiveAt, ...usage } }));
    expectOk(await client.createHold({ body: { id: `${name}-2`, account, ...usage } }));
    expectOk(
      await client.postGrant({ body: { id: `${name}-3`, account, source: 'platform:promotions', amount: '5' } }),
    );
    const occurredAt = new Date().toISOString();
    expectOk(
      await client.recordUsage({ body: { requestId: `${name}-1`, account, occurredAt, source: 'gateway', ...usage } }),
    );
  }
  expectOk(await client.freezeAccount({ params: { accountId: `${OTHER}:team` }, body: { reason: MARK } }));
  expectOk(await client.startBillingRun({ body: { id: 'bills', kind: 'generate', month, accounts: [OWN, OTHER] } }));
  for (;;) {
    const { status } = expectOk(await client.getBillingRun({ params: { runId: 'bills' } })).body;
    if (status === 'succeeded' || status === 'failed') return expect(status).toBe('succeeded');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('whoever has no good key is not let in, by any route', () => {
  const keys: Record<string, () => Promise<string>> = {
    malformed: async () => 'Bearer rk_dev_nobody',
    'of another scheme': async () => `Basic ${Buffer.from(`x:${installation.key}`).toString('base64')}`,
    'that has another behind it': async () => `Bearer ${installation.key} ${installation.key}`,
    forged: async () => {
      const [, stage, id] = installation.key.split('_');
      return `Bearer rk_${stage}_${id}_${'A'.repeat(43)}`;
    },
    'of nobody': async () => `Bearer rk_dev_${'0'.repeat(16)}_${'A'.repeat(43)}`,
    expired: async () => `Bearer ${await keyThat({ expiresAt: new Date(Date.now() - 1_000).toISOString() })}`,
    revoked: async () => {
      const key = await keyThat({});
      const [, , keyId = ''] = key.split('_');
      expectOk(await installation.client.revokeKey({ params: { keyId } }));
      return `Bearer ${key}`;
    },
    'of another stage': async () => `Bearer ${installation.key.replace('rk_dev_', 'rk_prod_')}`,
  };
  const keyThat = (more: object) => installation.createKey({ name: 'k', scopes, ...more });

  test.each(Object.entries(keys))('a key %s', async (_, make) => {
    const authorization = await make();
    for (const [id, route] of guarded) {
      const answer = await call(route, { authorization });
      expect([id, answer.status, answer.text]).toEqual([id, 403, '{"message":"Forbidden"}']);
    }
  });

  test('no key at all', async () => {
    for (const [id, route] of guarded) {
      const answer = await call(route, {});
      expect([id, answer.status, answer.text]).toEqual([id, 401, '{"message":"Unauthorized"}']);
    }
  });

  test('a key in the query is none', async () => {
    for (const [id, route] of guarded) {
      const answer = await call(route, { query: `?authorization=Bearer%20${installation.key}` });
      expect([id, answer.status]).toEqual([id, 401]);
    }
  });
});

test('only the document of the API is for everybody', async () => {
  const open = named.filter(([, { scope }]) => scope === null);
  expect(open.map(([id]) => id)).toEqual(['getOpenApi']);
  for (const [, route] of open) expect((await call(route, {})).status).toBe(200);
});

test.each(scopes)('a key with the scope %s alone may do what needs it, and nothing else', async (scope) => {
  const key = await installation.createKey({ name: scope, scopes: [scope] });
  for (const [id, route] of guarded) {
    const answer = await call(route, { key });
    const isRefused = answer.status === 403 && kindOf(answer) === 'missing-scope';
    expect([id, isRefused]).toEqual([id, route.scope !== scope]);
    if (isRefused) expect(answer.text).toContain(`This needs the scope \\"${route.scope}\\"`);
  }
});

describe('a key that is bound to an account', () => {
  let key: string;
  beforeAll(async () => {
    key = await installation.createKey({ name: 'bound', scopes: scopes as readonly Scope[], account: OWN });
  });

  test('may do nothing that is not for such keys', async () => {
    for (const [id, route] of guarded.filter(([, { boundKeys }]) => boundKeys !== true)) {
      const answer = await call(route, { key, parameters: { '*': 'own-1', accountId: OWN } });
      expect([id, answer.status, kindOf(answer)]).toEqual([id, 403, 'missing-scope']);
    }
  });

  /** Something of others, and something of the same kind that is not there at all. */
  const pairs: readonly (readonly [string, Parameters, Parameters])[] = [
    [
      'an account',
      { accountId: OTHER, invoiceId: `${month}:${OTHER}`, '*': 'foreign-1' },
      { accountId: 'customer:nobody', invoiceId: `${month}:customer:nobody`, '*': 'nothing-1' },
    ],
    ['a hold', { accountId: `${OTHER}:team`, '*': 'foreign-2' }, { accountId: 'customer:no:team', '*': 'nothing-2' }],
    [
      'a grant',
      { accountId: 'platform:funding', '*': 'foreign-3' },
      { accountId: 'platform:nobody', '*': 'nothing-3' },
    ],
    ['funds', { accountId: 'customer', '*': `funds:${OTHER}` }, { accountId: 'nobody', '*': 'funds:nobody' }],
  ];

  test.each(pairs)('is told of %s of others what it is told of what does not exist', async (_, theirs, nothing) => {
    for (const [id, route] of named.filter(([, { boundKeys }]) => boundKeys === true)) {
      const [bodies, others] = [bodiesFor(route, theirs), bodiesFor(route, nothing)];
      for (const [place, body] of bodies.entries()) {
        const told = await call(route, { key, parameters: theirs, body });
        const wanted = await call(route, { key, parameters: nothing, body: others[place] });
        expect([id, told.status, likeness(told, theirs)]).toEqual([id, wanted.status, likeness(wanted, nothing)]);
        expect([id, told.text.includes(MARK)]).toEqual([id, false]);
      }
    }
  });

  test('finds nothing of others in what it may list and read of its own', async () => {
    for (const [id, route] of named.filter(([, { method, boundKeys }]) => method === 'GET' && boundKeys === true)) {
      let isFound = false;
      for (const name of ['own-1', 'own-2']) {
        const parameters = { accountId: OWN, invoiceId: `${month}:${OWN}`, '*': name };
        const { text, headers, status } = await call(route, { key, parameters });
        isFound ||= status === 200;
        const told = `${text} ${JSON.stringify(headers)}`;
        expect([id, told.includes(MARK), told.includes(OTHER)]).toEqual([id, false, false]);
      }
      // A route that finds nothing proves nothing: name something that it can find, above.
      expect([id, isFound]).toEqual([id, true]);
    }
  });

  test('is not let on by the cursor of a statement of others', async () => {
    const { body } = expectOk(
      await installation.client.getStatement({ params: { accountId: OTHER }, query: { limit: '1' } }),
    );
    const route = routes.find(({ id }) => id === 'getStatement') as KnownRoute;
    const parameters = { accountId: OWN };
    expect((await call(route, { key, parameters, query: `?cursor=${body.next}` })).status).toBe(400);
  });

  test('leaves the balance of others as it was', async () => {
    const { body } = expectOk(await installation.client.getAccount({ params: { accountId: OTHER } }));
    expect(body).toMatchObject({ credits: '777782', debits: '4', held: '2' });
  });
});

describe('a link to upload or to download', () => {
  const LINK_MS = 15 * 60 * 1_000;
  let links: Links;
  beforeAll(async () => {
    links = await getLinks(installation);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const other = (link: string, change: (url: URL) => void) => {
    const url = new URL(link);
    change(url);
    return url.href;
  };
  const statusOf = async (link: string, method: string) => {
    const response = await fetch(link, { method, ...(method === 'PUT' && { body: 'requestId\n' }) });
    await response.text();
    return response.status;
  };

  test('is good for a quarter of an hour and no longer', async () => {
    for (const [link, method] of [
      [links.download, 'GET'],
      [links.upload, 'PUT'],
    ] as const) {
      expect(Number(new URL(link).searchParams.get('X-Amz-Expires')) * 1_000).toBeLessThanOrEqual(LINK_MS);
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + LINK_MS + 5_000 });
      expect([method, await statusOf(link, method)]).toEqual([method, 403]);
      vi.useRealTimers();
    }
    expect(await statusOf(links.download, 'GET')).toBe(200);
  });

  test('is for one object, one method and one time', async () => {
    const path = (name: string) => (url: URL) => {
      url.pathname = name;
    };
    const parameter = (name: string, value: string) => (url: URL) => url.searchParams.set(name, value);
    const bucket = new URL(links.upload).pathname.split('/')[1];
    for (const [link, method] of [
      [links.upload, 'GET'],
      [links.upload, 'DELETE'],
      [links.upload, 'POST'],
      [links.download, 'PUT'],
      [links.download, 'DELETE'],
      [other(links.upload, path(`/${bucket}/imports/another.csv`)), 'PUT'],
      [other(links.upload, path(`/${bucket}/imports/../imports/another.csv`)), 'PUT'],
      [other(links.download, path(new URL(links.upload).pathname)), 'GET'],
      [other(links.download, parameter('X-Amz-Expires', '604800')), 'GET'],
      [other(links.download, parameter('X-Amz-Date', '20300101T000000Z')), 'GET'],
      [other(links.download, parameter('versionId', 'null')), 'GET'],
      [other(links.download, parameter('X-Amz-Signature', '0'.repeat(64))), 'GET'],
      [other(links.download, (url) => url.searchParams.delete('X-Amz-Signature')), 'GET'],
    ] as const) {
      const status = await statusOf(link, method);
      expect([link, method, status >= 400 && status < 500]).toEqual([link, method, true]);
    }
    expect(await statusOf(links.upload, 'PUT')).toBe(200);
  });
});

const document = openApiDocument();

/** Bodies that fit a route and speak of an account; the same ones for each account, but for its name. */
const bodiesFor = (route: KnownRoute, { accountId = '' }: Parameters): readonly unknown[] => {
  const operation = (document.paths as Paths)[route.path]?.[route.method.toLowerCase()];
  const schema = operation?.requestBody?.content['application/json']?.schema;
  if (schema === undefined) return [undefined];
  const fixed = (value: unknown) => fc.constant(value);
  const accounts = ['account', 'debit', 'credit', 'accounts[]'].map((name) => [name, fixed(accountId)]);
  const generate = createGenerators(document, {
    ...Object.fromEntries(accounts),
    operation: fixed('search'),
    '*': fixed('requests'),
    '*value': fixed('1'),
  });
  return fc.sample(generate(schema), { seed: 1, numRuns: 3 });
};

interface Paths {
  readonly [path: string]: Record<string, { requestBody?: { content: Record<string, { schema: Json }> } }>;
}

/** An answer without what is other every time, and without the names that were asked for. */
function likeness({ text, headers }: Received, asked: Parameters): string {
  const { date: _, 'apigw-requestid': __, 'content-length': ___, ...rest } = headers;
  const said = text.replace(/"requestId":"[^"]*"/, '').replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'time');
  return Object.values(asked)
    .sort((a, b) => b.length - a.length)
    .reduce((left, name) => left.replaceAll(name, 'it'), `${said} ${JSON.stringify(rest)}`);
}
