import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Account } from '../../domain/accounts.ts';
import {
  captureOf,
  excessOf,
  expiryOf,
  firstHoldDifference,
  freeingOf,
  type Hold,
  hasExpired,
  holdingOf,
  holdStatus,
  overCaptureRefusal,
  type Resolution,
  releaseOf,
  resolvedRefusal,
} from '../../domain/holds.ts';
import { type Movement, moved, refusalOf } from '../../domain/movements.ts';
import { addMilliseconds } from '../../domain/time.ts';
import type { Transfer } from '../../domain/transfers.ts';

const NOW = '2026-11-20T08:00:00.000Z';
const held: Hold = {
  id: 'h-1',
  account: 'customer:acme',
  credit: 'platform:sink',
  asset: 'TOKEN',
  amount: 10n,
  createdAt: NOW,
  expiresAt: '2026-11-20T08:15:00.000Z',
};
const transfer = (amount: bigint): Transfer => ({
  id: 't-1',
  kind: 'transfer',
  debit: held.account,
  credit: held.credit,
  asset: held.asset,
  amount,
  effectiveAt: NOW,
  recordedAt: NOW,
  hold: held.id,
});

describe('a hold', () => {
  test('has expired at its time exactly, whether that was written down or not', () => {
    expect(holdStatus(held, undefined, '2026-11-20T08:14:59.999Z')).toBe('open');
    expect(holdStatus(held, undefined, '2026-11-20T08:15:00.000Z')).toBe('expired');
    expect(hasExpired(held, held.expiresAt)).toBe(true);
  });

  test('is what its end says, also after its time', () => {
    expect(holdStatus(held, releaseOf(held, NOW, ''), '2026-12-01T00:00:00.000Z')).toBe('released');
  });

  test('captured in part frees the rest, and captured above itself frees nothing', () => {
    expect(captureOf(held, transfer(4n), 'key-1')).toMatchObject({ captured: 4n, freed: 6n, by: 'key-1' });
    expect(captureOf(held, transfer(12n), '')).toMatchObject({ captured: 12n, freed: 0n });
    expect(excessOf(held, 12n)).toBe(2n);
    expect(excessOf(held, 10n)).toBe(0n);
  });

  test('expires at the time that it was to, whenever that is written down', () => {
    const recordedAt = '2026-11-20T09:00:00.000Z';
    expect(expiryOf(held, recordedAt)).toEqual({
      hold: 'h-1',
      kind: 'expired',
      at: held.expiresAt,
      recordedAt,
      freed: 10n,
    });
  });

  test('is captured above itself only where the chart says so', () => {
    expect(overCaptureRefusal(held, 11n)).toEqual({ kind: 'over-captured', held: 10n });
    expect(overCaptureRefusal(held, 11n, 'charge')).toBeUndefined();
    expect(overCaptureRefusal(held, 10n)).toBeUndefined();
  });

  test('that ended says how to whoever would end it again', () => {
    expect(resolvedRefusal(captureOf(held, transfer(4n), '')).kind).toBe('hold-captured');
    expect(resolvedRefusal(releaseOf(held, NOW, '')).kind).toBe('hold-released');
    expect(resolvedRefusal(expiryOf(held, NOW))).toEqual({
      kind: 'hold-expired',
      hold: 'h-1',
      expiresAt: held.expiresAt,
    });
  });
});

describe('firstHoldDifference', () => {
  test('finds none when the caller says the same again', () => {
    expect(firstHoldDifference(held, { account: held.account, amount: 10n, credit: held.credit })).toBeUndefined();
    expect(firstHoldDifference(held, { expiresInSeconds: 900n })).toBeUndefined();
    expect(firstHoldDifference(held, {})).toBeUndefined();
  });

  test('names the first field in a fixed order', () => {
    expect(firstHoldDifference(held, { description: 'x', amount: 9n })).toBe('amount');
    expect(firstHoldDifference(held, { expiresInSeconds: 60n })).toBe('expiresInSeconds');
    expect(firstHoldDifference({ ...held, expiresAt: '2026-11-20T08:15:00.500Z' }, { expiresInSeconds: 900n })).toBe(
      'expiresInSeconds',
    );
  });

  test('tells a hold for usage from one for the amount that it came to', () => {
    const forUsage = { ...held, operation: 'chat', quantities: { tokens: 10n } };
    expect(firstHoldDifference(forUsage, { operation: 'chat', quantities: { tokens: 10n } })).toBeUndefined();
    expect(firstHoldDifference(forUsage, { amount: 10n, credit: held.credit })).toBe('credit');
  });
});

/** What may be tried on a few holds of one account, in any order. */
const step = fc.record({
  on: fc.nat(3),
  does: fc.constantFrom('hold' as const, 'capture' as const, 'release' as const, 'expire' as const),
  amount: fc.bigInt(0n, 30n),
  policy: fc.constantFrom('refuse' as const, 'charge' as const),
});

describe('whatever is held, captured, released and expired', () => {
  test('ends once each, keeps what is held the sum of what is open, and never takes what is not there', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.bigInt(0n, 40n), (steps, funds) => {
        let account: Account = opened(funds);
        const holds = new Map<number, Hold>();
        const ends = new Map<number, Resolution>();
        for (const [index, { on, does, amount, policy }] of steps.entries()) {
          const known = holds.get(on);
          const at = addMilliseconds(NOW, index);
          const tried = tryStep(known, ends.get(on), { does, amount, policy, at });
          if (tried === undefined || refusalOf(account, tried.movement) !== undefined) continue;
          account = moved(account, tried.movement);
          if (tried.hold !== undefined) holds.set(on, tried.hold);
          if (tried.end !== undefined) ends.set(on, tried.end);
        }
        const open = [...holds].filter(([name]) => !ends.has(name));
        const captured = [...ends.values()].reduce((sum, end) => sum + (end.captured ?? 0n), 0n);
        const { held: stillHeld, available, debits } = account.figures ?? opened(0n).figures;
        expect(stillHeld).toBe(open.reduce((sum, [, { amount }]) => sum + amount, 0n));
        expect(debits).toBe(captured);
        expect(available).toBe(funds - captured - stillHeld);
        expect(available).toBeGreaterThanOrEqual(0n);
      }),
    );
  });

  test('frees and captures just what was held, where nothing is captured above it', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 10n), (amount) => {
        const { captured = 0n, freed } = captureOf(held, transfer(amount), '');
        expect(captured + freed).toBe(held.amount);
      }),
    );
  });
});

type Opened = Account & Required<Pick<Account, 'figures'>>;

function opened(funds: bigint): Opened {
  const figures = { credits: funds, debits: 0n, held: 0n, available: funds };
  return {
    id: held.account,
    asset: 'TOKEN',
    balance: 'strict',
    status: 'open',
    openedOn: '2026-01-01',
    createdAt: NOW,
    creditLimit: 0n,
    figures,
  };
}

interface Tried {
  readonly movement: Movement;
  readonly hold?: Hold;
  readonly end?: Resolution;
}

function tryStep(
  known: Hold | undefined,
  ended: Resolution | undefined,
  step: { does: string; amount: bigint; policy: 'refuse' | 'charge'; at: string },
): Tried | undefined {
  const { does, amount, policy, at } = step;
  if (does === 'hold') {
    if (known !== undefined) return undefined;
    const hold = { ...held, amount };
    return { movement: holdingOf(hold), hold };
  }
  if (known === undefined || ended !== undefined) return undefined;
  if (does !== 'capture') {
    const end = does === 'release' ? releaseOf(known, at, '') : expiryOf(known, at);
    return { movement: freeingOf(known, at), end };
  }
  if (overCaptureRefusal(known, amount, policy) !== undefined) return undefined;
  const movement = { ...holdingOf(known), debits: amount, held: -known.amount };
  return { movement, end: captureOf(known, transfer(amount), '') };
}
