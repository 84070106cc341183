import { TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changeCreditLimit, changeStatus } from '../../store/account-changes.ts';
import { getAccount } from '../../store/accounts.ts';
import { getTransfer } from '../../store/ledger.ts';
import { StoreUnavailableError, systemClock } from '../../store/retry.ts';
import { startLedger, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.books.stop());

const CAUSE = { reason: 'Looks like fraud.', at: '2026-11-20T08:00:00.000Z', by: 'key-1' };
const AUTHOR = { at: CAUSE.at, by: CAUSE.by };
const store = () => ({ ...ledger.deps.store, ...ledger.deps.audit });
const charge = (id: string, account: string, tokens = 1) =>
  ledger.send('POST /v1/charges', { body: { id, account, operation: 'completion', quantities: { tokens } } });

describe('changeStatus', () => {
  test('keeps why, when and by whom, and what a repetition says changes nothing', async () => {
    const id = await ledger.openCustomer('reasons');
    const frozen = {
      status: 'frozen',
      statusReason: CAUSE.reason,
      statusChangedAt: CAUSE.at,
      statusChangedBy: 'key-1',
    };
    expect(await changeStatus(store(), id, 'freeze', CAUSE)).toMatchObject({ kind: 'changed', account: frozen });
    const again = await changeStatus(store(), id, 'freeze', { ...CAUSE, reason: 'Another reason.' });
    expect(again).toMatchObject({ kind: 'unchanged', account: frozen });
    expect(await getAccount(store(), id)).toMatchObject(frozen);
  });

  test('never closes an account that a charge or a payment is moving at the same time', async () => {
    const ids = await Promise.all(Array.from({ length: 8 }, (_, index) => ledger.openCustomer(`race-${index}`)));
    await Promise.all(
      ids.flatMap((id, index) => [
        changeStatus(store(), id, 'close', CAUSE),
        ledger.send('POST /v1/transfers', {
          body: { id: `race-${index}`, debit: 'platform:funding', credit: id, amount: 1, asset: 'TOKEN' },
        }),
      ]),
    );
    for (const [index, id] of ids.entries()) {
      const isClosed = (await getAccount(store(), id))?.status === 'closed';
      expect((await getTransfer(store(), `race-${index}`)) === undefined).toBe(isClosed);
    }
  });
});

describe('changeCreditLimit', () => {
  test('moves what is available by the difference, up and down', async () => {
    const id = await ledger.openCustomer('limits', 2);
    await changeCreditLimit(store(), id, 10n, AUTHOR);
    await charge('limits-1', id, 7);
    expect(await getAccount(store(), id)).toMatchObject({ creditLimit: 10n, figures: { available: 5n } });
    expect(await changeCreditLimit(store(), id, 4n, AUTHOR)).toEqual({ kind: 'limit-in-use', lowest: 5n });
    expect((await changeCreditLimit(store(), id, 5n, AUTHOR)).kind).toBe('changed');
    expect(await getAccount(store(), id)).toMatchObject({ creditLimit: 5n, figures: { available: 0n } });
  });

  test('leaves the opening as it was, for whoever repeats it', async () => {
    const id = await ledger.openCustomer('reopened', 0, { creditLimit: 3 });
    await changeCreditLimit(store(), id, 8n, AUTHOR);
    await changeCreditLimit(store(), id, 9n, AUTHOR);
    const open = (creditLimit: number) => ledger.send('POST /v1/accounts', { body: { id, creditLimit } });
    const again = await open(3);
    expect([again.status, again.body.creditLimit]).toEqual([200, '9']);
    expect((await open(9)).status).toBe(422);
  });

  test('holds against charges and other changes at the same time', async () => {
    const id = await ledger.openCustomer('contended', 5);
    await Promise.all([
      ...Array.from({ length: 15 }, (_, index) => charge(`contended-${index}`, id)),
      ...[3n, 7n, 0n, 5n, 1n].map((limit) => changeCreditLimit(store(), id, limit, AUTHOR)),
    ]);
    const account = await getAccount(store(), id);
    const { credits, debits, available } = account?.figures ?? { credits: 0n, debits: 0n, available: -1n };
    expect(available).toBe(credits - debits + (account?.creditLimit ?? 0n));
    expect(available).toBeGreaterThanOrEqual(0n);
  });

  test('computes again when another change came between, and gives up on one that always does', async () => {
    const id = await ledger.openCustomer('between');
    const overtaken = async (times: number, creditLimit: bigint) => {
      let left = times;
      const raise = async () => {
        const { creditLimit: current = 0n } = (await getAccount(store(), id)) ?? {};
        await changeCreditLimit(store(), id, current + 100n, AUTHOR);
      };
      return beforeUpdates(
        async () => (left-- > 0 ? raise() : undefined),
        () => changeCreditLimit(store(), id, creditLimit, AUTHOR),
      );
    };
    expect(await overtaken(2, 7n)).toMatchObject({ kind: 'changed', account: { creditLimit: 7n } });
    expect((await getAccount(store(), id))?.figures?.available).toBe(7n);
    await expect(overtaken(1_000, 8n)).rejects.toBeInstanceOf(StoreUnavailableError);
  });
});

test('a change whose answer was lost is told as made', async () => {
  const id = await ledger.openCustomer('lost');
  const freeze = () => changeStatus({ ...store(), clock: systemClock }, id, 'freeze', CAUSE);
  let answers = 0;
  const loseFirst = async () => {
    if (answers++ > 0) return;
    await freeze();
    throw Object.assign(new Error('reset'), { code: 'ECONNRESET' });
  };
  expect((await beforeUpdates(loseFirst, freeze)).kind).toBe('unchanged');
});

/** Does something each time that an update is about to be sent, save for the updates that this does itself. */
async function beforeUpdates<T>(interfere: () => Promise<void>, run: () => Promise<T>): Promise<T> {
  const mock = mockClient(store().client);
  let isInterfering = false;
  mock.send.callsFake(async (command) => {
    if (command instanceof TransactWriteItemsCommand && !isInterfering) {
      isInterfering = true;
      await interfere().finally(() => {
        isInterfering = false;
      });
    }
    return mock.send.wrappedMethod.call(store().client, command);
  });
  try {
    return await run();
  } finally {
    mock.restore();
  }
}
