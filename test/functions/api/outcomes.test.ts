import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BODY_BYTES_MAX } from '../../../contract/limits.ts';
import { routes } from '../../../contract/routes.ts';
import type { TestAnswer } from '../../support/api.ts';
import { approvalProvocations } from '../../support/approval-outcomes.ts';
import { batchProvocations } from '../../support/batch-outcomes.ts';
import { startLedger, type TestLedger } from '../../support/ledger.ts';
import {
  CAPTURE,
  CHARGE,
  CLOSE,
  COMMON,
  DAY_BEFORE,
  ELEMENT,
  FREEZE,
  GRANT,
  HOLD,
  LIMIT,
  OPEN,
  RELEASE,
  REVERSAL,
  resultOf,
  rows,
  scenesOf,
  TOMORROW,
  TRANSFER,
  UNFREEZE,
  YESTERYEAR,
} from '../../support/outcomes.ts';
import { repairProvocations } from '../../support/repair-outcomes.ts';

/** Walks docs/outcomes.md: every row of every table is provoked through the handler. */

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.books.stop());

const {
  fresh,
  charge,
  transfer,
  reverse,
  grant,
  fillUp,
  hold,
  capture,
  captureStrictly,
  release,
  held,
  expired,
  freeze,
  unfreeze,
  close,
  limit,
  funded,
  empty,
  closed,
  frozen,
  opened,
  charged,
  derived,
  twice,
} = scenesOf(() => ledger);

/** How each row comes about, by route and name of the row. */
const provocations: Record<string, Record<string, () => Promise<TestAnswer>>> = {
  [COMMON]: {
    'missing-scope': () => charge('customer:x', {}, { caller: { scopes: ['ledger:read'] } }),
    'unsupported-media-type': () => charge('customer:x', {}, { headers: { 'content-type': 'text/plain' } }),
    'body-too-large': () => charge('x'.repeat(BODY_BYTES_MAX)),
    'invalid-request': () => charge('customer:x', { colour: 'red' }),
  },
  [CHARGE]: {
    'invalid-request': () => charge('nobody:x'),
    'account-unknown': async () => charge(await funded(), {}, { caller: { account: 'customer:other' } }),
    'invalid-request again': async () => charge(await funded(), { effectiveAt: TOMORROW }),
    replayed: async () => {
      const [id, account] = [fresh(), await funded()];
      return twice(() => charge(account, { id }));
    },
    conflict: async () => {
      const { id, account } = await charged();
      return charge(account, { id, quantities: { tokens: 4 } });
    },
    unpriced: async () => charge(await funded(), { operation: 'unheard-of' }),
    'ledger-paused': async () => {
      const body = { id: fresh(), account: await funded(), operation: 'completion', quantities: {} };
      return ledger.sendWhilePaused(CHARGE, { body });
    },
    'insufficient-funds': async () => charge(await empty()),
    'account-frozen': async () => charge(await frozen(5)),
    'account-closed': async () => charge(await closed(), { quantities: {} }),
    'before-opening': async () => charge(await opened('2026-11-20'), { effectiveAt: DAY_BEFORE }),
    'account-unknown again': () => charge(`customer:${fresh()}`),
    created: async () => charge(await funded()),
  },
  [TRANSFER]: {
    'invalid-request': async () => transfer({ debit: await funded(), asset: 'USD/2' }),
    replayed: async () => {
      const [id, debit] = [fresh(), await funded()];
      return twice(() => transfer({ id, debit }));
    },
    conflict: async () => {
      const [id, debit] = [fresh(), await funded()];
      await transfer({ id, debit });
      return transfer({ id, debit, amount: 4 });
    },
    'ledger-paused': async () => {
      const sides = { debit: 'platform:a', credit: 'platform:b' };
      return ledger.sendWhilePaused(TRANSFER, { body: { id: fresh(), ...sides, amount: 1, asset: 'TOKEN' } });
    },
    'insufficient-funds': async () => transfer({ debit: await empty() }),
    'account-frozen': async () => transfer({ debit: 'platform:funding', credit: await frozen(0) }),
    'account-closed': async () => transfer({ debit: 'platform:funding', credit: await closed() }),
    'before-opening': async () => transfer({ debit: await funded(), effectiveAt: YESTERYEAR }),
    'account-unknown': () => transfer({ debit: 'platform:funding', credit: `customer:${fresh()}` }),
    created: async () => transfer({ debit: await funded() }),
  },
  [REVERSAL]: {
    'invalid-request': async () => reverse((await charged()).id, { effectiveAt: TOMORROW }),
    'not-found': () => reverse('never-posted'),
    'not-reversible': async () => {
      const id = fresh();
      await reverse((await charged()).id, { id });
      return reverse(id);
    },
    'invalid-request again': async () => reverse((await charged()).id, { effectiveAt: YESTERYEAR }),
    replayed: async () => {
      const [id, original] = [fresh(), await charged()];
      return twice(() => reverse(original.id, { id }));
    },
    conflict: async () => {
      const [id, original] = [fresh(), await charged()];
      await reverse(original.id, { id, amount: 2 });
      return reverse(original.id, { id, amount: 3 });
    },
    'ledger-paused': async () =>
      ledger.sendWhilePaused(REVERSAL, { params: { transferId: (await charged()).id }, body: { id: fresh() } }),
    'over-reversed': async () => reverse((await charged()).id, { amount: 6 }),
    'too-many-reversals': async () => {
      const id = fresh();
      await transfer({ id, debit: 'platform:funding', amount: 101 });
      for (let index = 0; index < 100; index += 1) await reverse(id, { amount: 1 });
      return reverse(id, { amount: 1 });
    },
    'insufficient-funds': async () => {
      const account = await empty();
      await transfer({ id: `gift-${account}`, debit: 'platform:funding', credit: account });
      await charge(account);
      return reverse(`gift-${account}`);
    },
    'account-frozen': async () => {
      const { id, account } = await charged();
      await freeze(account);
      return reverse(id);
    },
    'account-closed': async () => {
      const { id, account } = await charged();
      await close(account);
      return reverse(id);
    },
    'too-many-grants': async () => {
      const [first, second, account] = [fresh(), fresh(), await empty()];
      for (const id of [first, second]) {
        await fillUp(account);
        await charge(account, { id, quantities: { tokens: 10 } });
      }
      await fillUp(account);
      await reverse(first);
      return reverse(second);
    },
    created: async () => reverse((await charged()).id),
  },
  [GRANT]: {
    'invalid-request': async () => grant(await empty(), { source: await funded() }),
    'derived-balance': async () => grant(await derived(), { source: 'platform:cash:x' }),
    replayed: async () => {
      const [id, account] = [fresh(), await empty()];
      return twice(() => grant(account, { id }));
    },
    conflict: async () => {
      const [id, account] = [fresh(), await empty()];
      await grant(account, { id });
      return grant(account, { id, priority: 1 });
    },
    'invalid-request again': async () => grant(await empty(), { expiresAt: DAY_BEFORE }),
    'ledger-paused': async () => {
      const body = { id: fresh(), account: await empty(), source: 'platform:promotions', amount: 1 };
      return ledger.sendWhilePaused(GRANT, { body });
    },
    'insufficient-funds': async () => {
      const source = 'platform:pool';
      const pool = { pattern: source, asset: 'TOKEN', balance: 'strict', party: 'platform', shards: 1 } as const;
      const change = { chart: [pool, ...ledger.deps.chart] };
      await ledger.sendWith(change, OPEN, { body: { id: source } });
      const body = { id: fresh(), account: await empty(), source, amount: 1 };
      return ledger.sendWith(change, GRANT, { body });
    },
    'account-frozen': async () => grant(await frozen(0)),
    'account-closed': async () => grant(await closed()),
    'too-many-grants': async () => {
      const account = await empty();
      await fillUp(account);
      return grant(account);
    },
    'account-unknown': () => grant(`customer:${fresh()}`),
    created: async () => grant(await empty()),
  },
  [HOLD]: {
    'invalid-request': async () => hold(await funded(), { expiresInSeconds: 604_801 }),
    'account-unknown': async () => hold(await funded(), {}, { caller: { account: 'customer:other' } }),
    'missing-scope': async () => {
      const account = await funded();
      const body = { id: fresh(), account, amount: 5, credit: 'platform:sink' };
      return ledger.send(HOLD, { body, caller: { account } });
    },
    'derived-balance': async () => hold(await derived()),
    replayed: async () => {
      const [id, account] = [fresh(), await funded()];
      return twice(() => hold(account, { id }));
    },
    conflict: async () => {
      const { id, account } = await held();
      return hold(account, { id });
    },
    'invalid-request again': async () => hold(await funded(), { expiresAt: DAY_BEFORE }),
    unpriced: async () => hold(await funded(), { operation: 'unheard-of' }),
    'ledger-paused': async () => {
      const body = { id: fresh(), account: await funded(), operation: 'completion', quantities: {} };
      return ledger.sendWhilePaused(HOLD, { body });
    },
    'insufficient-funds': async () => hold(await empty()),
    'account-frozen': async () => hold(await frozen(5)),
    'account-closed': async () => hold(await closed(), { quantities: {} }),
    'before-opening': async () => {
      const body = { id: fresh(), account: await opened('2026-11-20'), operation: 'completion', quantities: {} };
      return ledger.sendWith({ now: () => '2026-11-19T23:59:59.999Z' }, HOLD, { body });
    },
    'account-unknown again': () => hold(`customer:${fresh()}`),
    created: async () => hold(await funded()),
  },
  [CAPTURE]: {
    'invalid-request': async () => capture((await held()).id, { effectiveAt: TOMORROW }),
    'not-found': () => capture('never-held'),
    'missing-scope': async () => {
      const { id, account } = await held();
      return capture(id, {}, { caller: { account } });
    },
    'invalid-request again': async () => capture((await held()).id, { effectiveAt: DAY_BEFORE }),
    replayed: async () => {
      const [id, original] = [fresh(), await held()];
      return twice(() => capture(original.id, { id }));
    },
    conflict: async () => {
      const [id, original] = [fresh(), await held()];
      await capture(original.id, { id, amount: 2 });
      return capture(original.id, { id, amount: 3 });
    },
    unpriced: async () => capture((await held()).id, { operation: 'unheard-of', quantities: {} }),
    'ledger-paused': async () =>
      ledger.sendWhilePaused(CAPTURE, { params: { holdId: (await held()).id }, body: { id: fresh() } }),
    'hold-captured': async () => {
      const { id } = await held();
      await capture(id);
      return capture(id);
    },
    'hold-released': async () => {
      const { id } = await held();
      await release(id);
      return capture(id);
    },
    'hold-expired': async () => (await expired()).capture(),
    'over-captured': async () => captureStrictly((await held()).id, { amount: 6 }),
    'insufficient-funds': async () => capture((await held()).id, { amount: 6 }),
    'account-frozen': async () => {
      const { id, account } = await held();
      await freeze(account);
      return capture(id);
    },
    'account-closed': async () => capture((await held(await closed())).id),
    'before-opening': async () => {
      const [id, account] = [fresh(), await opened('2026-11-20')];
      const midnight = { now: () => '2026-11-20T00:00:01.000Z' };
      const body = { id, account, amount: 5, credit: 'platform:sink' };
      await ledger.sendWith(midnight, HOLD, { body });
      const late = { id: fresh(), effectiveAt: '2026-11-19T23:59:59Z' };
      return ledger.sendWith(midnight, CAPTURE, { params: { holdId: id }, body: late });
    },
    'account-unknown': async () => capture((await held(`customer:${fresh()}`)).id),
    created: async () => capture((await held()).id),
  },
  [RELEASE]: {
    'not-found': () => release('never-held'),
    unchanged: async () => {
      const { id } = await held();
      return twice(() => release(id));
    },
    'hold-captured': async () => {
      const { id } = await held();
      await capture(id);
      return release(id);
    },
    'hold-expired': async () => (await expired()).release(),
    changed: async () => release((await held()).id),
  },
  [OPEN]: {
    'invalid-request': () => ledger.send(OPEN, { body: { id: 'nobody:x' } }),
    replayed: () => twice(() => ledger.send(OPEN, { body: { id: 'customer:again', creditLimit: 5 } })),
    conflict: async () => ledger.send(OPEN, { body: { id: await empty(), creditLimit: 5 } }),
    created: () => ledger.send(OPEN, { body: { id: `customer:${fresh()}` } }),
  },
  [FREEZE]: {
    'account-unknown': () => freeze(`customer:${fresh()}`),
    'derived-balance': async () => freeze(await derived()),
    unchanged: async () => freeze(await frozen(0)),
    'account-closed': async () => freeze(await closed()),
    changed: async () => freeze(await empty()),
  },
  [UNFREEZE]: {
    'account-unknown': () => unfreeze(`customer:${fresh()}`),
    'derived-balance': async () => unfreeze(await derived()),
    unchanged: async () => unfreeze(await empty()),
    'account-closed': async () => unfreeze(await closed()),
    changed: async () => unfreeze(await frozen(0)),
  },
  [CLOSE]: {
    'account-unknown': () => close(`customer:${fresh()}`),
    'derived-balance': async () => close(await derived()),
    unchanged: async () => close(await closed()),
    'account-not-empty': async () => close(await funded()),
    changed: async () => close(await frozen(0)),
  },
  [LIMIT]: {
    'account-unknown': () => limit(`customer:${fresh()}`, 5),
    'derived-balance': async () => limit(await derived(), 5),
    unchanged: async () => limit(await empty(), 0),
    'account-closed': async () => limit(await closed(), 5),
    'limit-in-use': async () => {
      const account = await ledger.openCustomer(fresh(), 0, { creditLimit: 5 });
      await charge(account);
      return limit(account, 4);
    },
    changed: async () => limit(await empty(), 5),
  },
  ...approvalProvocations(() => ledger),
  ...batchProvocations(() => ledger),
  ...repairProvocations(() => ledger),
};

describe('docs/outcomes.md', () => {
  test.each(rows.map((row) => [row.route, row.name, row] as const))('%s can end as %s', async (route, name, row) => {
    const answer = await provocations[route]?.[name]?.();
    if (answer === undefined) throw new Error('Nothing provokes this row.');
    expect([answer.status, resultOf(answer)]).toEqual([row.status, row.result.replace('unchanged', 'replayed')]);
  });

  test('has a row for everything that is provoked here', () => {
    const provoked = Object.entries(provocations).flatMap(([route, by]) =>
      Object.keys(by).map((name) => `${route} ${name}`),
    );
    expect(rows.map(({ route, name }) => `${route} ${name}`)).toEqual(provoked);
  });

  test('names the problems that the contract names', () => {
    for (const route of Object.keys(provocations).filter((name) => name !== COMMON && name !== ELEMENT)) {
      const contract = routes.find(({ method, path }) => `${method} ${path}` === route);
      const problems = rows.filter((row) => row.route === route && row.status >= 400).map(({ result }) => result);
      const told = new Set([...problems, 'unavailable'].filter((result) => result !== 'invalid-request'));
      expect([...told].sort(), route).toEqual([...(contract?.problems ?? [])].sort());
    }
  });

  test('has a table for every operation that writes to the ledger', () => {
    const writes = routes.filter((route) => route.function === 'api/ledger' && route.method !== 'GET');
    const told = new Set(rows.map(({ route }) => route));
    expect(writes.map(({ method, path }) => `${method} ${path}`).filter((route) => !told.has(route))).toEqual([]);
  });
});
