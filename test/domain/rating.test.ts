import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cardInForce, type RateCard, rate, rateByVersion } from '../../domain/rating.ts';

const card = (effectiveFrom: string, operations: RateCard['operations']): RateCard => ({
  name: 'standard',
  effectiveFrom,
  asset: 'TOKEN',
  revenueAccount: 'platform:revenue:usage',
  operations,
});

const ACCOUNT = 'customer:acme';
const perRequest = (amount: bigint) => ({
  prices: { requests: { amount, per: 1n } },
  minimum: 0n,
  rounding: 'half-up' as const,
});

describe('rate', () => {
  test('expresses the price list of flat amounts per operation', () => {
    const amounts = [0n, 1n, 2n, 3n, 5n, 10n, 18n, 50n, 1000n];
    const operations = Object.fromEntries(amounts.map((amount) => [`op-${amount}`, perRequest(amount)]));
    for (const amount of amounts) {
      const usage = { account: ACCOUNT, operation: `op-${amount}`, quantities: {}, at: '2026-01-02T00:00:00.000Z' };
      expect(rate([card('2026-01-01T00:00:00.000Z', operations)], 'standard', usage)).toMatchObject({
        kind: 'priced',
        amount,
      });
    }
  });

  test('expresses prices per million tokens and rounds once per request', () => {
    const operations = {
      chat: {
        prices: { input_tokens: { amount: 3n, per: 1_000_000n }, output_tokens: { amount: 15n, per: 1_000_000n } },
        minimum: 1n,
        rounding: 'up' as const,
      },
    };
    const cards = [card('2026-01-01T00:00:00.000Z', operations)];
    const priced = (input: bigint, output: bigint) =>
      rate(cards, 'standard', {
        account: ACCOUNT,
        operation: 'chat',
        quantities: { input_tokens: input, output_tokens: output },
        at: '2026-01-02T00:00:00.000Z',
      });
    expect(priced(1_000_000n, 1_000_000n)).toMatchObject({ amount: 18n });
    expect(priced(200_000n, 100_000n)).toMatchObject({ amount: 3n });
    expect(priced(0n, 0n)).toMatchObject({ amount: 1n });
  });

  test('refuses what the card does not price, and names the field', () => {
    const cards = [card('2026-01-01T00:00:00.000Z', { search: perRequest(2n) })];
    const usage = { account: ACCOUNT, operation: 'search', quantities: {}, at: '2026-01-02T00:00:00.000Z' };
    expect(rate(cards, undefined, usage)).toMatchObject({ kind: 'unpriced', field: 'account' });
    expect(rate(cards, 'standard', { ...usage, operation: 'toString' })).toMatchObject({ field: 'operation' });
    expect(rate(cards, 'standard', { ...usage, quantities: { pages: 1n } })).toMatchObject({ field: 'quantities' });
    expect(rate(cards, 'standard', { ...usage, at: '2025-12-31T23:59:59.999Z' })).toMatchObject({
      field: 'occurredAt',
    });
  });

  test('never charges more for less', () => {
    const operations = {
      chat: { prices: { tokens: { amount: 7n, per: 13n } }, minimum: 2n, rounding: 'half-even' as const },
    };
    const cards = [card('2026-01-01T00:00:00.000Z', operations)];
    const amountOf = (tokens: bigint) => {
      const rating = rate(cards, 'standard', {
        account: ACCOUNT,
        operation: 'chat',
        quantities: { tokens },
        at: '2026-01-02T00:00:00.000Z',
      });
      return rating.kind === 'priced' ? rating.amount : -1n;
    };
    const quantity = fc.bigInt({ min: 0n, max: 10n ** 12n });
    fc.assert(fc.property(quantity, quantity, (a, b) => a > b || amountOf(a) <= amountOf(b)));
  });
});

describe('an override', () => {
  const price = (amount: bigint) => ({ ...perRequest(amount), prices: { units: { amount, per: 1n } } });
  const operations = { chat: price(7n), search: price(2n) };
  const plain = card('2026-01-01T00:00:00.000Z', operations);
  const amountOf = (version: RateCard, account: string | undefined, operation: string, units: bigint) => {
    const rating = rateByVersion(version, { account, operation, quantities: { units } });
    return rating.kind === 'priced' ? rating.amount : rating.field;
  };

  test('changes the price of its account and operation, and of nothing else', () => {
    const account = fc.constantFrom('customer:acme', 'customer:other', 'customer:third', undefined);
    const operation = fc.constantFrom('chat', 'search', 'unknown');
    const small = fc.bigInt({ min: 0n, max: 1000n });
    fc.assert(
      fc.property(account, operation, small, small, (payer, asked, units, amount) => {
        const version = { ...plain, overrides: { [ACCOUNT]: { chat: price(amount) } } };
        const expected = payer === ACCOUNT && asked === 'chat' ? units * amount : amountOf(plain, payer, asked, units);
        expect(amountOf(version, payer, asked, units)).toBe(expected);
      }),
    );
  });

  test('may sell an operation to one account alone, and says that the rule is its own', () => {
    const version = { ...plain, overrides: { [ACCOUNT]: { pilot: price(0n) } } };
    expect(rateByVersion(version, { account: ACCOUNT, operation: 'pilot', quantities: {} })).toMatchObject({
      amount: 0n,
      isOverride: true,
    });
    expect(amountOf(version, 'customer:other', 'pilot', 1n)).toBe('operation');
    expect(amountOf(version, undefined, 'pilot', 1n)).toBe('operation');
  });

  test('is no price where the account is called like a method', () => {
    expect(amountOf({ ...plain, overrides: {} }, 'constructor', 'chat', 1n)).toBe(7n);
  });

  test('ends with its version', () => {
    const later = card('2026-02-01T00:00:00.000Z', operations);
    const cards = [{ ...plain, overrides: { [ACCOUNT]: { chat: price(1n) } } }, later];
    const at = (day: string) =>
      rate(cards, 'standard', {
        account: ACCOUNT,
        operation: 'chat',
        quantities: { units: 1n },
        at: `2026-${day}T00:00:00.000Z`,
      });
    expect([at('01-31'), at('02-01')]).toMatchObject([{ amount: 1n }, { amount: 7n }]);
  });
});

test('the latest version that has started is in force', () => {
  const cards = ['2026-03-01', '2026-01-01', '2026-02-01'].map((day) => card(`${day}T00:00:00.000Z`, {}));
  expect(cardInForce(cards, 'standard', '2026-02-01T00:00:00.000Z')?.effectiveFrom).toBe('2026-02-01T00:00:00.000Z');
  expect(cardInForce(cards, 'standard', '2026-01-31T23:59:59.999Z')?.effectiveFrom).toBe('2026-01-01T00:00:00.000Z');
  expect(cardInForce(cards, 'standard', '2025-01-01T00:00:00.000Z')).toBeUndefined();
});
