import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Account, type AccountChange, answerToChange, STATUS_CHANGES } from '../../domain/accounts.ts';

function account(fields: Partial<Account> = {}, balance = 0n): Account {
  const creditLimit = fields.creditLimit ?? 0n;
  return {
    id: 'customer:acme',
    asset: 'TOKEN',
    balance: 'strict',
    status: 'open',
    openedOn: '2026-01-01',
    createdAt: '2026-01-01T00:00:00.000Z',
    creditLimit,
    figures: {
      credits: balance > 0n ? balance : 0n,
      debits: balance < 0n ? -balance : 0n,
      held: 0n,
      available: balance + creditLimit,
    },
    ...fields,
  };
}

/** What the table makes of an account when nothing speaks against a change. */
function changed(before: Account, change: AccountChange): Account {
  if (change.kind !== 'credit-limit') return { ...before, status: STATUS_CHANGES[change.kind].to };
  const { figures, creditLimit } = before;
  if (figures === undefined) return before;
  const available = figures.available + change.creditLimit - creditLimit;
  return { ...before, creditLimit: change.creditLimit, figures: { ...figures, available } };
}

const anyChange: fc.Arbitrary<AccountChange> = fc.oneof(
  fc.constantFrom({ kind: 'freeze' as const }, { kind: 'unfreeze' as const }, { kind: 'close' as const }),
  fc.record({ kind: fc.constant('credit-limit' as const), creditLimit: fc.bigInt(0n, 20n) }),
);

/** An account that has not gone below its limit, in any status that it could be in. */
const anyAccount = fc
  .record({
    status: fc.constantFrom('open' as const, 'frozen' as const, 'closed' as const),
    creditLimit: fc.bigInt(0n, 10n),
    above: fc.bigInt(0n, 20n),
  })
  .map(({ status, creditLimit, above }) =>
    account({ status, creditLimit }, status === 'closed' ? 0n : above - creditLimit),
  );

describe('answerToChange', () => {
  test.each<[string, Account | undefined, AccountChange, object | undefined]>([
    ['an unknown account', undefined, { kind: 'freeze' }, { kind: 'account-unknown' }],
    ['freezing an open account', account(), { kind: 'freeze' }, undefined],
    ['freezing a frozen account', account({ status: 'frozen' }), { kind: 'freeze' }, { kind: 'unchanged' }],
    ['unfreezing a closed account', account({ status: 'closed' }), { kind: 'unfreeze' }, { kind: 'account-closed' }],
    ['closing a frozen account', account({ status: 'frozen' }), { kind: 'close' }, undefined],
    ['closing with money', account({}, 3n), { kind: 'close' }, { kind: 'account-not-empty', balance: 3n }],
    ['closing in debt', account({ creditLimit: 5n }, -3n), { kind: 'close' }, { balance: -3n }],
    [
      'a limit above what is used',
      account({ creditLimit: 5n }, -3n),
      { kind: 'credit-limit', creditLimit: 3n },
      undefined,
    ],
    [
      'a limit below what is used',
      account({ creditLimit: 5n }, -3n),
      { kind: 'credit-limit', creditLimit: 2n },
      { kind: 'limit-in-use', lowest: 3n },
    ],
    [
      'the limit that a closed account has',
      account({ status: 'closed' }),
      { kind: 'credit-limit', creditLimit: 0n },
      { kind: 'unchanged' },
    ],
  ])('%s', (_, before, change, answer) => {
    if (answer === undefined) expect(answerToChange(before, change)).toBeUndefined();
    else expect(answerToChange(before, change)).toMatchObject(answer);
  });

  test('refuses everything of a derived balance, because nothing would hold it', () => {
    const { figures: _, ...derived } = account({ balance: 'derived' });
    fc.assert(fc.property(anyChange, (change) => answerToChange(derived, change)?.kind === 'derived-balance'));
  });

  test('lets through only changes after which the limit holds and the figures add up', () => {
    fc.assert(
      fc.property(anyAccount, anyChange, (before, change) => {
        if (answerToChange(before, change) !== undefined) return;
        const { figures, creditLimit } = changed(before, change);
        expect(figures?.available).toBeGreaterThanOrEqual(0n);
        expect(figures?.available).toBe((figures?.credits ?? 0n) - (figures?.debits ?? 0n) + creditLimit);
      }),
    );
  });

  test('lets nothing change a closed account, and closes only at a balance of zero', () => {
    fc.assert(
      fc.property(anyAccount, anyChange, (before, change) => {
        const made = answerToChange(before, change) === undefined;
        if (before.status === 'closed') expect(made).toBe(false);
        if (made && change.kind === 'close') expect(before.figures?.available).toBe(before.creditLimit);
      }),
    );
  });

  test('says that a change which was made is made', () => {
    fc.assert(
      fc.property(anyAccount, anyChange, (before, change) => {
        if (answerToChange(before, change) !== undefined) return;
        expect(answerToChange(changed(before, change), change)?.kind).toBe('unchanged');
      }),
    );
  });
});
