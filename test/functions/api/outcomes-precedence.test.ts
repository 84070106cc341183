import { DynamoDBClient, PutItemCommand, ThrottlingException } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestAnswer } from '../../support/api.ts';
import { startLedger, type TestLedger } from '../../support/ledger.ts';
import {
  CAPTURE,
  CHARGE,
  CLOSE,
  DAY_BEFORE,
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
  TRANSFER,
  UNFREEZE,
  YESTERYEAR,
} from '../../support/outcomes.ts';

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
} = scenesOf(() => ledger);

describe('of two results at once, the earlier one in the table is told', () => {
  const both: [route: string, first: string, second: string, () => Promise<TestAnswer>][] = [
    [
      CHARGE,
      'replayed',
      'insufficient-funds',
      async () => {
        const { id, account } = await charged();
        return charge(account, { id });
      },
    ],
    [
      CHARGE,
      'conflict',
      'unpriced',
      async () => {
        const { id, account } = await charged();
        return charge(account, { id, operation: 'unheard-of' });
      },
    ],
    [
      CHARGE,
      'unpriced',
      'ledger-paused',
      async () => {
        const body = { id: fresh(), account: await funded(), operation: 'unheard-of', quantities: {} };
        return ledger.sendWhilePaused(CHARGE, { body });
      },
    ],
    [
      CHARGE,
      'ledger-paused',
      'insufficient-funds',
      async () => {
        const body = { id: fresh(), account: await empty(), operation: 'completion', quantities: { tokens: 5 } };
        return ledger.sendWhilePaused(CHARGE, { body });
      },
    ],
    [CHARGE, 'insufficient-funds', 'account-frozen', async () => charge(await frozen(0))],
    [
      CHARGE,
      'account-frozen',
      'before-opening',
      async () => {
        const account = await opened('2026-11-20');
        await freeze(account);
        return charge(account, { effectiveAt: DAY_BEFORE });
      },
    ],
    [
      TRANSFER,
      'account-frozen',
      'account-closed',
      async () => transfer({ debit: await frozen(5), credit: await closed() }),
    ],
    [
      TRANSFER,
      'account-closed',
      'before-opening',
      async () => transfer({ debit: await opened('2026-11-20'), credit: await closed(), effectiveAt: DAY_BEFORE }),
    ],
    [
      TRANSFER,
      'before-opening',
      'account-unknown',
      async () => transfer({ debit: await funded(), credit: `customer:${fresh()}`, effectiveAt: YESTERYEAR }),
    ],
    [REVERSAL, 'not-found', 'conflict', async () => reverse('never-posted', { id: (await charged()).id })],
    [
      REVERSAL,
      'conflict',
      'over-reversed',
      async () => {
        const [first, second] = [await charged(), await charged()];
        return reverse(first.id, { id: second.id, amount: 6 });
      },
    ],
    [
      REVERSAL,
      'over-reversed',
      'account-frozen',
      async () => {
        const { id, account } = await charged();
        await freeze(account);
        return reverse(id, { amount: 6 });
      },
    ],
    [
      REVERSAL,
      'insufficient-funds',
      'account-frozen',
      async () => {
        const [id, account] = [fresh(), await empty()];
        await transfer({ id, debit: 'platform:funding', credit: account });
        await charge(account);
        await freeze(account);
        return reverse(id);
      },
    ],
    [
      GRANT,
      'replayed',
      'too-many-grants',
      async () => {
        const [id, account] = [fresh(), await empty()];
        await grant(account, { id });
        await fillUp(account);
        return grant(account, { id });
      },
    ],
    [
      GRANT,
      'conflict',
      'invalid-request again',
      async () => {
        const [id, account] = [fresh(), await empty()];
        await grant(account, { id });
        return grant(account, { id, expiresAt: DAY_BEFORE });
      },
    ],
    [
      GRANT,
      'account-frozen',
      'too-many-grants',
      async () => {
        const account = await empty();
        await fillUp(account);
        await freeze(account);
        return grant(account);
      },
    ],
    [
      HOLD,
      'replayed',
      'unpriced',
      async () => {
        const [id, account] = [fresh(), await funded()];
        await hold(account, { id });
        const route = { params: {}, body: { id, account, operation: 'completion', quantities: { tokens: 5 } } };
        const settings = { ...(await ledger.deps.settings.get()), rateCards: [] };
        const none = { get: async () => settings, refresh: async () => settings };
        return ledger.sendWith({ settings: none }, HOLD, route);
      },
    ],
    [
      HOLD,
      'conflict',
      'invalid-request again',
      async () => {
        const { id, account } = await held();
        return hold(account, { id, expiresAt: DAY_BEFORE });
      },
    ],
    [
      HOLD,
      'ledger-paused',
      'insufficient-funds',
      async () => {
        const body = { id: fresh(), account: await empty(), operation: 'completion', quantities: { tokens: 5 } };
        return ledger.sendWhilePaused(HOLD, { body });
      },
    ],
    [HOLD, 'insufficient-funds', 'account-frozen', async () => hold(await frozen(0))],
    [
      CAPTURE,
      'replayed',
      'hold-expired',
      async () => {
        const [id, late] = [fresh(), await expired()];
        await capture(late.id, { id });
        return late.capture({ id });
      },
    ],
    [
      CAPTURE,
      'conflict',
      'hold-captured',
      async () => {
        const [id, original] = [fresh(), await held()];
        await capture(original.id, { id, amount: 2 });
        return capture(original.id, { id, amount: 6 });
      },
    ],
    [
      CAPTURE,
      'unpriced',
      'hold-released',
      async () => {
        const { id } = await held();
        await release(id);
        return capture(id, { operation: 'unheard-of', quantities: {} });
      },
    ],
    [
      CAPTURE,
      'ledger-paused',
      'hold-released',
      async () => {
        const { id } = await held();
        await release(id);
        return ledger.sendWhilePaused(CAPTURE, { params: { holdId: id }, body: { id: fresh() } });
      },
    ],
    [
      CAPTURE,
      'hold-captured',
      'hold-expired',
      async () => {
        const late = await expired();
        await capture(late.id);
        return late.capture();
      },
    ],
    [
      CAPTURE,
      'hold-released',
      'over-captured',
      async () => {
        const { id } = await held();
        await release(id);
        return captureStrictly(id, { amount: 6 });
      },
    ],
    [CAPTURE, 'hold-expired', 'over-captured', async () => (await expired()).capture({ amount: 6 })],
    [
      CAPTURE,
      'hold-captured',
      'account-frozen',
      async () => {
        const { id, account } = await held();
        await capture(id);
        await freeze(account);
        return capture(id);
      },
    ],
    [
      CAPTURE,
      'over-captured',
      'account-frozen',
      async () => {
        const { id, account } = await held();
        await freeze(account);
        return captureStrictly(id, { amount: 6 });
      },
    ],
    [
      CAPTURE,
      'insufficient-funds',
      'account-frozen',
      async () => {
        const { id, account } = await held();
        await freeze(account);
        return capture(id, { amount: 6 });
      },
    ],
    [
      RELEASE,
      'unchanged',
      'hold-expired',
      async () => {
        const late = await expired();
        await release(late.id);
        return late.release();
      },
    ],
  ];

  test.each(both)('%s: %s before %s', async (route, first, second, run) => {
    const names = rows.filter((row) => row.route === route).map(({ name }) => name);
    expect(names.indexOf(first)).toBeLessThan(names.lastIndexOf(second));
    expect(resultOf(await run())).toBe(first.replace('unchanged', 'replayed'));
  });
});

describe('in place of any result', () => {
  const operations: [string, () => Promise<TestAnswer>][] = [
    [CHARGE, () => charge('customer:x')],
    [TRANSFER, () => transfer({ debit: 'customer:x' })],
    [REVERSAL, () => reverse('x')],
    [GRANT, () => grant('customer:x')],
    [HOLD, () => hold('customer:x')],
    [CAPTURE, () => capture('x')],
    [RELEASE, () => release('x')],
    [OPEN, () => ledger.send(OPEN, { body: { id: 'customer:x' } })],
    [FREEZE, () => freeze('customer:x')],
    [UNFREEZE, () => unfreeze('customer:x')],
    [CLOSE, () => close('customer:x')],
    [LIMIT, () => limit('customer:x', 5)],
  ];

  test.each(operations)('%s tells that the table cannot be reached', async (_, send) => {
    const mock = mockClient(DynamoDBClient);
    try {
      mock.onAnyCommand().rejects(new ThrottlingException({ message: 'slow down', $metadata: {} }));
      const answer = await send();
      expect([answer.status, resultOf(answer), answer.headers['retry-after']]).toEqual([503, 'unavailable', '1']);
    } finally {
      mock.restore();
    }
  });

  test('a fault of the service is told as such, and nothing of what stands behind it', async () => {
    const Item = { pk: { S: 'account#customer:garbled' }, status: { S: 'open' } };
    await ledger.books.client.send(new PutItemCommand({ TableName: ledger.books.ledgerTable, Item }));
    const answer = await freeze('customer:garbled');
    expect([answer.status, resultOf(answer)]).toEqual([500, 'internal-error']);
    expect(JSON.stringify(answer.body)).not.toContain('Malformed');
  });
});
