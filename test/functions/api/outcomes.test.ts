import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BODY_BYTES_MAX } from '../../../contract/limits.ts';
import { routes } from '../../../contract/routes.ts';
import type { TestAnswer } from '../../support/api.ts';
import { startLedger, type TestLedger } from '../../support/ledger.ts';
import {
  CHARGE,
  CLOSE,
  COMMON,
  DAY_BEFORE,
  FREEZE,
  LIMIT,
  OPEN,
  REVERSAL,
  resultOf,
  rows,
  scenesOf,
  TOMORROW,
  TRANSFER,
  UNFREEZE,
  YESTERYEAR,
} from '../../support/outcomes.ts';

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
    created: async () => reverse((await charged()).id),
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
    for (const route of Object.keys(provocations).filter((name) => name !== COMMON)) {
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
