import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RATE_CARD_PRICES_MAX } from '../../../contract/limits.ts';
import { makeHandler } from '../../../functions/api/operations.ts';
import { call, type TestCall } from '../../support/api.ts';
import { startBooks, type TestBooks } from '../../support/books.ts';
import { card, depsOn, fieldsOf, flat, NOW, STEPS } from './rate-card-service.ts';

let books: TestBooks;
let handler: ReturnType<typeof makeHandler>;

beforeAll(async () => {
  books = await startBooks();
  handler = makeHandler(depsOn(books));
  expect((await publish(card)).status).toBe(201);
});
afterAll(() => books.stop());

const publish = (body: unknown) => call(handler, 'PUT /v1/rate-cards', { body });
const preview = (body: unknown, rest: Omit<TestCall, 'body'> = {}) =>
  call(handler, 'POST /v1/rate-cards/preview', { body, ...rest });

describe('publishing', () => {
  test('shows tiers and overrides as they were sent, and once only', async () => {
    const again = await publish(card);
    expect([again.status, again.headers['idempotent-replayed']]).toEqual([200, 'true']);
    const tokens = {
      mode: 'graduated',
      tiers: [
        { upTo: '1000', amount: '3', per: '1000' },
        { upTo: null, amount: '2', per: '1000' },
      ],
    };
    const search = { prices: { requests: { amount: '1', per: '1' } }, minimum: '0', rounding: 'half-up' };
    expect(again.body).toMatchObject({
      operations: { chat: { prices: { tokens } } },
      overrides: { 'customer:acme': { search } },
    });
    const differing = {
      ...card,
      overrides: { 'customer:acme': { search: flat(3) }, 'customer:beta': { search: flat(0) } },
    };
    expect(fieldsOf(await publish(differing))).toEqual([422, 'overrides.customer:acme.search']);
  });

  const priced = (price: unknown) => ({ ...card, name: 'other', operations: { chat: { prices: { tokens: price } } } });
  const at = 'operations.chat.prices.tokens';
  test.each<[string, unknown, string[]]>([
    ['neither an amount nor tiers', {}, [`${at}.amount`]],
    ['a mode without tiers', { amount: 1, mode: 'volume' }, [`${at}.tiers`]],
    ['tiers without a mode', { tiers: STEPS }, [`${at}.mode`]],
    ['an unknown mode', { tiers: STEPS, mode: 'stairs' }, [`${at}.mode`]],
    ['an amount beside tiers', { tiers: STEPS, mode: 'volume', amount: 1 }, [`${at}.amount`]],
    ['a quantity beside tiers', { tiers: STEPS, mode: 'volume', per: 1 }, [`${at}.per`]],
    ['no tiers', { tiers: [], mode: 'volume' }, [`${at}.tiers`]],
    ['21 tiers', { tiers: new Array(21).fill(STEPS[1]), mode: 'volume' }, [`${at}.tiers`]],
    ['a last tier that ends', { tiers: [STEPS[0]], mode: 'volume' }, [`${at}.tiers.0.upTo`]],
    ['tiers out of order', { tiers: [STEPS[0], STEPS[0], STEPS[1]], mode: 'volume' }, [`${at}.tiers.1.upTo`]],
    ['a tier without an end or null', { tiers: [{ amount: 1 }], mode: 'volume' }, [`${at}.tiers.0.upTo`]],
    ['a tier per nothing', { tiers: [{ ...STEPS[1], per: 0 }], mode: 'volume' }, [`${at}.tiers.0.per`]],
  ])('refuses %s by name', async (_, price, fields) => {
    expect(fieldsOf(await publish(priced(price)))).toEqual([400, ...fields]);
  });

  test.each<[string, Record<string, unknown>, string[]]>([
    [
      'an override of an account that it does not price',
      { overrides: { 'postpaid:acme': {} } },
      ['overrides.postpaid:acme'],
    ],
    ['an override of no account', { overrides: { Acme: {} } }, ['overrides.Acme']],
    ['a customer as revenue account', { revenueAccount: 'customer:acme' }, ['revenueAccount']],
    [
      'everything that the chart is against at once',
      { asset: 'USD/2', overrides: { 'platform:fees': {} } },
      ['asset', 'asset', 'overrides.platform:fees'],
    ],
    ['too many tiers in all', { overrides: overridesOfSize(RATE_CARD_PRICES_MAX) }, ['overrides']],
  ])('refuses %s by name', async (_, change, fields) => {
    expect(fieldsOf(await publish({ ...card, effectiveFrom: '2027-01-01T00:00:00Z', ...change }))).toEqual([
      400,
      ...fields,
    ]);
  });
});

/** Accounts with one price each: three of what is counted. */
function overridesOfSize(size: number) {
  return Object.fromEntries(Array.from({ length: size / 3 }, (_, index) => [`customer:c${index}`, { chat: flat(1) }]));
}

test("a key that is bound to an account sees the prices of all and its own, and nobody else's", async () => {
  const list = async (caller: TestCall['caller']) => {
    const { body } = await call(handler, 'GET /v1/rate-cards', caller === undefined ? {} : { caller });
    const [version] = body.rateCards as { overrides?: object }[];
    return Object.keys(version?.overrides ?? {}).sort();
  };
  expect(await list(undefined)).toEqual(['customer:acme', 'customer:beta']);
  expect(await list({ account: 'customer:acme' })).toEqual(['customer:acme']);
  expect(await list({ account: 'customer:other' })).toEqual([]);
});

describe('a preview', () => {
  test('says what a request costs and how it comes about', async () => {
    const answer = await preview({ account: 'customer:new', operation: 'chat', quantities: { tokens: 1500 } });
    expect([answer.status, answer.body]).toEqual([
      200,
      {
        amount: '4',
        asset: 'TOKEN',
        rateCard: 'standard@2026-11-01T00:00:00.000Z',
        isProposal: false,
        isOverride: false,
        breakdown: [
          {
            dimension: 'tokens',
            mode: 'graduated',
            above: '0',
            upTo: '1000',
            quantity: '1000',
            amount: '3',
            per: '1000',
            cost: '3',
          },
          {
            dimension: 'tokens',
            mode: 'graduated',
            above: '1000',
            upTo: null,
            quantity: '500',
            amount: '2',
            per: '1000',
            cost: '1',
          },
        ],
        cost: '4',
        rounding: 'up',
        minimum: '0',
      },
    ]);
  });

  test.each([
    [
      'volume tiers',
      { rateCard: 'standard', operation: 'batch', quantities: { tokens: 1500 } },
      { amount: '3', cost: '3' },
    ],
    [
      'the minimum',
      { rateCard: 'standard', operation: 'batch' },
      { amount: '1', cost: '0', minimum: '1', breakdown: [] },
    ],
    [
      'rounding',
      { rateCard: 'standard', operation: 'chat', quantities: { tokens: 1 } },
      { amount: '1', cost: '3/1000' },
    ],
    ['the card itself', { rateCard: 'standard', operation: 'search' }, { amount: '2', isOverride: false }],
    [
      'an account of its own prices',
      { account: 'customer:acme', operation: 'search' },
      { amount: '1', isOverride: true },
    ],
    [
      'a proposal',
      {
        proposal: { ...card, effectiveFrom: '2030-01-01T00:00:00Z', operations: { search: flat(9) } },
        operation: 'search',
      },
      { amount: '9', isProposal: true, rateCard: 'standard@2030-01-01T00:00:00.000Z' },
    ],
    [
      'a proposal for an account',
      { account: 'customer:acme', proposal: card, operation: 'search' },
      { amount: '1', isOverride: true, isProposal: true },
    ],
  ])('follows %s', async (_, question, expected) => {
    expect(await preview(question)).toMatchObject({ status: 200, body: expected });
  });

  const ask = { account: 'customer:acme', operation: 'search' };
  test.each<[string, unknown, unknown[]]>([
    ['nothing to price by', { operation: 'search' }, [400, 'account']],
    ['an account and a card', { ...ask, rateCard: 'standard' }, [400, 'rateCard']],
    ['a time beside a proposal', { ...ask, proposal: card, at: NOW }, [400, 'at']],
    [
      'a proposal that the chart is against',
      { operation: 'search', proposal: { ...card, revenueAccount: 'nobody:x' } },
      [400, 'proposal.revenueAccount'],
    ],
    ['a proposal for accounts of another card', { ...ask, account: 'postpaid:x', proposal: card }, [400, 'account']],
    ['an account that the chart does not know', { ...ask, account: 'nobody:x' }, [400, 'account']],
    ['a card that nobody published', { operation: 'search', rateCard: 'nothing' }, [404, 'rateCard']],
    ['an account that nothing prices', { ...ask, account: 'platform:funding' }, [422, 'account']],
    ['a time before the first version', { ...ask, at: '2026-10-31T23:59:59Z' }, [422, 'at']],
    ['an unknown operation', { ...ask, operation: 'sing' }, [422, 'operation']],
    ['an unknown dimension', { ...ask, quantities: { songs: 1 } }, [422, 'quantities']],
  ])('of %s is refused by name', async (_, question, expected) => {
    expect(fieldsOf(await preview(question))).toEqual(expected);
  });

  test('is for a bound key that of its own account; others do not exist for it', async () => {
    const caller = { account: 'customer:acme' };
    expect((await preview(ask, { caller })).status).toBe(200);
    expect(fieldsOf(await preview({ ...ask, account: 'customer:beta' }, { caller }))).toEqual([404, 'account']);
  });
});
