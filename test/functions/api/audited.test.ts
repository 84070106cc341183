import { afterAll, beforeAll, expect, test } from 'vitest';
import { outcomeOf } from '../../../domain/reconciliation/outcome.ts';
import { createCounter } from '../../../domain/reconciliation/summary.ts';
import { makeHandler } from '../../../functions/api/operations.ts';
import { createApiKey } from '../../../store/api-keys.ts';
import { chainHead, readChain, SEQUENCE_MAX } from '../../../store/audit.ts';
import { claimRun, createRun, failRun, finishRun, getRun, requestAgain } from '../../../store/runs.ts';
import { call } from '../../support/api.ts';
import { NOW, startLedger, type TestLedger } from '../../support/ledger.ts';
import { depsOn } from './rate-card-service.ts';

let ledger: TestLedger;
const KEY = 'ad'.repeat(8);
beforeAll(async () => {
  ledger = await startLedger();
  await createApiKey(ledger.books, { id: KEY, name: 'ops', scopes: ['admin', 'operations'], createdAt: NOW }, 'hash');
});
afterAll(() => ledger.books.stop());

const caller = { keyId: KEY };
const operate = (route: string, request: object) =>
  call(makeHandler(depsOn(ledger.books)), route, {
    caller: { keyId: KEY, scopes: ['admin', 'operations'] },
    ...request,
  });

/** What was recorded while something was done, twice: the second time changes nothing and so must add nothing. */
async function recordedTwice(act: () => Promise<unknown>): Promise<unknown[]> {
  const { sequence } = await chainHead(ledger.books);
  await act();
  await act();
  const records = await Array.fromAsync(readChain(ledger.books, sequence + 1, SEQUENCE_MAX));
  return records.map(({ actor, action, target, details }) => [actor, action, target, details]);
}

test.each(['freeze', 'unfreeze', 'close'] as const)(
  'to %s an account is recorded once, with its reason',
  async (change) => {
    const accountId = await ledger.openCustomer(`audited-${change}`);
    const send = (route: string) =>
      ledger.send(`POST /v1/accounts/{accountId}/${route}`, {
        params: { accountId },
        body: { reason: 'Fraud.' },
        caller,
      });
    if (change === 'unfreeze') await send('freeze');
    const action = { freeze: 'account.frozen', unfreeze: 'account.unfrozen', close: 'account.closed' }[change];
    expect(await recordedTwice(() => send(change))).toEqual([
      [KEY, action, `account:${accountId}`, { reason: 'Fraud.' }],
    ]);
  },
);

test('a credit limit is recorded as it was and as it is', async () => {
  const accountId = await ledger.openCustomer('audited-limit', 0, { creditLimit: 3 });
  const change = () =>
    ledger.send('PUT /v1/accounts/{accountId}/credit-limit', {
      params: { accountId },
      body: { creditLimit: 8 },
      caller,
    });
  expect(await recordedTwice(change)).toEqual([
    [KEY, 'credit-limit.changed', `account:${accountId}`, { from: '3', to: '8', asset: 'TOKEN' }],
  ]);
});

test('charges, transfers, openings and refusals are not recorded: they are their own record, or nothing', async () => {
  expect(
    await recordedTwice(async () => {
      const accountId = await ledger.openCustomer('unaudited', 5);
      const body = { id: 'unaudited', account: accountId, operation: 'completion', quantities: { tokens: 1 } };
      await ledger.send('POST /v1/charges', { body });
      await ledger.send('POST /v1/accounts/{accountId}/close', { params: { accountId }, body: { reason: 'Gone.' } });
    }),
  ).toEqual([]);
});

test('a pause and what ends it are recorded each time that they are said, because the last word counts', async () => {
  const pause = (paused: boolean) => operate('PUT /v1/controls/ledger', { body: { paused, reason: 'Audit.' } });
  const record = (action: string) => [KEY, action, 'ledger', { reason: 'Audit.' }];
  expect(await recordedTwice(() => pause(true))).toEqual([record('ledger.paused'), record('ledger.paused')]);
  expect(await recordedTwice(() => pause(false))).toEqual([record('ledger.resumed'), record('ledger.resumed')]);
});

test('a rate card is recorded once, with a digest that is of its content alone', async () => {
  const prices = { tokens: { amount: 1, per: 1 }, requests: { amount: 2, per: 1 } };
  const publish = (name: string, ordered: object) => {
    const card = {
      name,
      effectiveFrom: '2026-12-01T00:00:00Z',
      asset: 'TOKEN',
      revenueAccount: 'platform:revenue:usage',
    };
    return recordedTwice(() =>
      operate('PUT /v1/rate-cards', { body: { ...card, operations: { chat: { prices: ordered } } } }),
    );
  };
  const details = { effectiveFrom: '2026-12-01T00:00:00.000Z', asset: 'TOKEN' };
  const hash = expect.stringMatching(/^[0-9a-f]{64}$/);
  expect(await publish('standard', prices)).toEqual([
    [KEY, 'rate-card.published', 'rate-card:standard', { ...details, content: hash }],
  ]);
});

test('a key is recorded when it is made, rotated and revoked, and its secret never', async () => {
  const created = await operate('POST /v1/keys', {
    body: { name: 'svc', scopes: ['operations'], person: 'Ada' },
  });
  const [id, secret] = [String(created.body.id), String(created.body.key)];
  const params = { keyId: id };
  const rotated = await operate('POST /v1/keys/{keyId}/rotate', { params, body: {} });
  const revoke = () => operate('POST /v1/keys/{keyId}/revoke', { params });
  expect(await recordedTwice(revoke)).toEqual([[KEY, 'key.revoked', `key:${id}`, {}]]);
  const records = await Array.fromAsync(readChain(ledger.books, 1, SEQUENCE_MAX));
  expect(records.filter(({ target }) => target === `key:${id}`)).toMatchObject([
    { actor: KEY, action: 'key.created', details: { name: 'svc', scopes: ['operations'], person: 'Ada' } },
    { actor: KEY, action: 'key.rotated', details: { replacedBy: rotated.body.id, person: 'Ada' } },
    { action: 'key.revoked' },
  ]);
  expect(records.find(({ target }) => target === `key:${KEY}`)).toMatchObject({
    actor: 'owner',
    action: 'key.created',
  });
  expect(JSON.stringify(records)).not.toContain(secret.split('_')[3]);
});

test('a run is recorded when it is wanted, started, failed, wanted again and finished, each once', async () => {
  const { books } = ledger;
  const run = { id: 'audited', trigger: 'request', startDate: '2026-11-19', endDate: '2026-11-19' } as const;
  const request = { ...run, requestedAt: NOW, requestedBy: KEY };
  const first = { ...request, execution: 'first', startedAt: NOW, slices: 1 };
  const again = { ...first, execution: 'second' };
  const outcome = outcomeOf(createCounter().result());
  const steps: [() => Promise<unknown>, string, string, object][] = [
    [() => createRun(books, request), KEY, 'requested', {}],
    [() => claimRun(books, first), 'run:audited', 'started', { execution: 'first' }],
    [
      () => failRun(books, first, { name: 'E', cause: `${'x'.repeat(499)}😀` }, NOW),
      'run:audited',
      'failed',
      { error: 'E' },
    ],
    [
      async () => {
        const failed = await getRun(books, run.id);
        if (failed !== undefined) await requestAgain(books, failed, KEY, NOW);
      },
      KEY,
      'requested',
      {},
    ],
    [() => claimRun(books, again), 'run:audited', 'started', { execution: 'second' }],
    [
      () => finishRun(books, again, outcome, NOW),
      'run:audited',
      'finished',
      { verdict: outcome.verdict, findings: '0' },
    ],
  ];
  for (const [act, actor, action, details] of steps) {
    expect(await recordedTwice(act), action).toEqual([
      [actor, `reconciliation.${action}`, 'run:audited', expect.objectContaining(details)],
    ]);
  }
});
