import {
  GetItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
  type TransactWriteItemsCommandOutput,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chart } from '../../config/chart.ts';
import { seededRandom } from '../../demo/random.ts';
import { usableOf } from '../../domain/accounts.ts';
import { chartEntryOf } from '../../domain/chart.ts';
import { type Grant, NO_GRANTS } from '../../domain/grants.ts';
import { createCounter } from '../../domain/reconciliation/summary.ts';
import { addMilliseconds, dayOf } from '../../domain/time.ts';
import type { Transfer, TransferResult } from '../../domain/transfers.ts';
import { checkBalances } from '../../functions/workflow/reconciliation/balance-slice.ts';
import { getAccount } from '../../store/accounts.ts';
import { sumTransfers } from '../../store/books.ts';
import { BreakageIdTakenError, sweepGrant } from '../../store/grant-expiry.ts';
import { expiryItem, listedGrantFromItem } from '../../store/grants.ts';
import { captureHold, postHold } from '../../store/holds.ts';
import { getTransfer, postTransfer, postTransfers } from '../../store/ledger.ts';
import type { LedgerStore, Posting } from '../../store/posting.ts';
import { systemClock } from '../../store/retry.ts';
import { burningRestored, getReversals, postingOf, postReversal } from '../../store/reversals.ts';
import { accountKey, BY_CREDIT, bucketOf, expiryPartition } from '../../store/tables.ts';
import { NOW, startLedger, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;
let store: LedgerStore;
beforeAll(async () => {
  ledger = await startLedger();
  store = { ...ledger.deps.store, clock: systemClock, newId: () => crypto.randomUUID(), grants: new Map() };
});
afterAll(() => ledger.books.stop());

/** A process that knows nothing of any account. */
const stranger = (): LedgerStore => ({ ...store, listed: new Set(), grants: new Map() });

const HOUR = 60 * 60_000;
const later = (hours: number) => addMilliseconds(NOW, hours * HOUR);
const WEEK_MS = 7 * 24 * HOUR;

function entryOf(account: string) {
  const entry = chartEntryOf(chart, account);
  if (entry === undefined) throw new Error(`The chart has no ${account}.`);
  return entry;
}

function posting(transfer: Pick<Transfer, 'id' | 'debit' | 'credit' | 'amount'>, at = NOW): Posting {
  const full: Transfer = { ...transfer, kind: 'transfer', asset: 'TOKEN', effectiveAt: at, recordedAt: at };
  return {
    transfer: full,
    claims: { kind: 'transfer', amount: transfer.amount },
    debitEntry: entryOf(transfer.debit),
    creditEntry: entryOf(transfer.credit),
  };
}

const charge = (account: string, id: string, amount: bigint, at = NOW, by = store) =>
  postTransfer(by, posting({ id, debit: account, credit: 'platform:revenue:usage', amount }, at));

async function give(account: string, id: string, amount: bigint, terms: Partial<Grant> = {}, by = store) {
  const { priority = 100n, expiresAt } = terms;
  const said = { priority, ...(expiresAt !== undefined && { expiresAt }) };
  const made = posting({ id, debit: 'platform:promotions', credit: account, amount });
  return postTransfer(by, {
    ...made,
    transfer: { ...made.transfer, grant: said },
    claims: { ...made.claims, grant: said },
    effects: { credit: { kind: 'granted', grant: { ...said, id, remaining: amount, at: NOW } } },
    ...(expiresAt !== undefined && { puts: [expiryItem(id, account, expiresAt)] }),
  });
}

async function reverse(originalId: string, id: string, amount?: bigint, at = NOW): Promise<TransferResult> {
  const original = await getTransfer(store, originalId);
  if (original === undefined) throw new Error(`There is no transfer ${originalId}.`);
  return postReversal(store, {
    original,
    terms: { id, recordedAt: at },
    claims: { corrects: originalId, ...(amount !== undefined && { amount }) },
    debitEntry: entryOf(original.credit),
    creditEntry: entryOf(original.debit),
    ...(amount !== undefined && { amount }),
  });
}

/** A reversal of all that remains, to be posted with others. */
async function reversalOf(originalId: string, at: string): Promise<Posting> {
  const original = await getTransfer(store, originalId);
  if (original === undefined) throw new Error(`There is no transfer ${originalId}.`);
  const known = await getReversals(store, original);
  const entries = { debitEntry: entryOf(original.credit), creditEntry: entryOf(original.debit) };
  const terms = { id: `${originalId}-back`, recordedAt: at };
  return postingOf(store, { original, terms, amount: known.remaining, claims: {}, ...entries }, known);
}

const sweep = (grant: string, account: string, at: string, by = store) =>
  sweepGrant({ store: by, chart, holdMs: WEEK_MS }, { grant, account }, at);

async function stateOf(id: string) {
  const account = await getAccount(store, id);
  if (account?.figures === undefined) throw new Error(`There is no strict account ${id}.`);
  const { grants = NO_GRANTS, figures } = account;
  return { account, figures, left: Object.fromEntries(grants.grants.map((one) => [one.id, one.remaining])) };
}

/** Every check of what must always hold of an account, from its records alone. */
async function expectBooksAgree(id: string): Promise<void> {
  const { figures, left } = await stateOf(id);
  const all = { since: '2026-11-01T00:00:00.000Z', until: '2026-12-31' };
  const sums = await sumTransfers(ledger.books, id, all, entryOf(id), true);
  expect(sums).toMatchObject({ credits: figures.credits, debits: figures.debits });
  for (const [grant, summed] of sums.grants ?? []) expect([grant, left[grant] ?? 0n]).toEqual([grant, summed]);
}

/** Counts the requests that a store makes meanwhile, and the write units of its transactions. */
async function costOf(perform: () => Promise<unknown>): Promise<{ requests: number; units: number }> {
  const mock = mockClient(store.client);
  const { send } = mock;
  let [requests, units] = [0, 0];
  send.callsFake(async (command) => {
    requests += 1;
    if (!(command instanceof TransactWriteItemsCommand)) return send.wrappedMethod.call(store.client, command);
    command.input.ReturnConsumedCapacity = 'TOTAL';
    const answer = (await send.wrappedMethod.call(store.client, command)) as TransactWriteItemsCommandOutput;
    for (const { CapacityUnits = 0 } of answer.ConsumedCapacity ?? []) units += CapacityUnits;
    return answer;
  });
  try {
    await perform();
  } finally {
    mock.restore();
  }
  return { requests, units };
}

const requestsOf = async (perform: () => Promise<unknown>) => (await costOf(perform)).requests;

const createdOf = (result: TransferResult): Transfer => {
  if (result.kind !== 'created') throw new Error(`It was ${result.kind}.`);
  return result.transfer;
};

describe('a charge of an account with grants', () => {
  test('burns them in order before paid money, and says so in its record', async () => {
    const account = await ledger.openCustomer('ordered', 10);
    await give(account, 'ordered-late', 4n, { expiresAt: later(9) });
    await give(account, 'ordered-soon', 3n, { expiresAt: later(1) });
    await give(account, 'ordered-first', 2n, { priority: 1n });
    const made = createdOf(await charge(account, 'ordered-1', 11n));
    expect(made.burned).toEqual([
      { grant: 'ordered-first', amount: 2n },
      { grant: 'ordered-soon', amount: 3n },
      { grant: 'ordered-late', amount: 4n },
    ]);
    expect(await getTransfer(store, 'ordered-1')).toEqual(made);
    expect(await charge(account, 'ordered-1', 11n)).toEqual({ kind: 'replayed', transfer: made });
    expect(await stateOf(account)).toMatchObject({ left: {}, figures: { available: 8n } });
    await expectBooksAgree(account);
  });

  test('takes one round trip where the process knows them, and two where it does not', async () => {
    const account = await ledger.openCustomer('trips', 10);
    await give(account, 'trips-grant', 10n);
    expect(await costOf(() => charge(account, 'trips-1', 1n))).toEqual({ requests: 1, units: 5 });
    const by = stranger();
    expect(await requestsOf(() => charge(account, 'trips-2', 1n, NOW, by))).toBe(2);
    expect(await requestsOf(() => charge(account, 'trips-3', 1n, NOW, by))).toBe(1);
    // It planned from what another process burned meanwhile, and is right all the same.
    expect(await requestsOf(() => charge(account, 'trips-4', 1n))).toBe(1);
    expect(await stateOf(account)).toMatchObject({ left: { 'trips-grant': 6n } });
    await expectBooksAgree(account);
  });

  test('costs an account that never had a grant nothing more', async () => {
    const account = await ledger.openCustomer('never', 10);
    expect(await costOf(() => charge(account, 'never-1', 1n, NOW, stranger()))).toEqual({ requests: 1, units: 5 });
    expect((await stateOf(account)).account.grants).toBeUndefined();
  });

  test('is refused only for what the account has, not for what was known of it', async () => {
    const account = await ledger.openCustomer('believed');
    await give(account, 'believed-a', 5n);
    const by = stranger();
    await charge(account, 'believed-1', 1n, NOW, by);
    await give(account, 'believed-b', 5n);
    expect((await charge(account, 'believed-2', 9n, NOW, by)).kind).toBe('created');
    expect(await charge(account, 'believed-3', 1n, NOW, by)).toEqual({ kind: 'insufficient-funds', account });
  });

  test('thirty at once over three grants burn each just once and in order', async () => {
    const account = await ledger.openCustomer('crowd', 100);
    for (const [index, amount] of [50n, 50n, 45n].entries()) {
      await give(account, `crowd-g${index}`, amount, { priority: BigInt(index) });
    }
    const stores = Array.from({ length: 5 }, stranger);
    const results = await Promise.all(
      Array.from({ length: 30 }, async (_, index) => {
        const id = `crowd-${index}`;
        const first = await charge(account, id, 7n, NOW, stores[index % 5]).catch(() => undefined);
        return first ?? charge(account, id, 7n);
      }),
    );
    expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(['created']));
    expect(await stateOf(account)).toMatchObject({ figures: { debits: 210n, available: 35n } });
    const shares = results.flatMap((result) => createdOf(result).burned ?? []);
    const burned = (grant: string) =>
      shares.filter((share) => share.grant === grant).reduce((sum, share) => sum + share.amount, 0n);
    expect(['crowd-g0', 'crowd-g1', 'crowd-g2'].map(burned)).toEqual([50n, 50n, 45n]);
    await expectBooksAgree(account);
  });

  test('many in one call are planned one after the other', async () => {
    const account = await ledger.openCustomer('batch', 10);
    await give(account, 'batch-a', 5n);
    await give(account, 'batch-b', 5n);
    const groups = [3n, 3n, 30n, 3n, 3n].map((amount, index) => [
      posting({ id: `batch-${index}`, debit: account, credit: 'platform:revenue:usage', amount }),
    ]);
    const results = (await postTransfers(store, groups)).flat();
    expect(results.map(({ kind }) => kind)).toEqual([
      ...['created', 'created', 'insufficient-funds', 'created', 'created'],
    ]);
    expect(await stateOf(account)).toMatchObject({ left: {}, figures: { available: 8n } });
    await expectBooksAgree(account);
  });

  test('beside a grant in one call burns just what is there, also where older knowledge was planned from', async () => {
    const account = await ledger.openCustomer('beside', 10);
    await give(account, 'beside-a', 6n);
    const by = stranger();
    await charge(account, 'beside-1', 1n, NOW, by);
    // The other process does not hear of this.
    await charge(account, 'beside-2', 2n);
    const revenue = 'platform:revenue:usage';
    const grant = { priority: 100n };
    const given = posting({ id: 'beside-b', debit: 'platform:promotions', credit: account, amount: 4n });
    const results = await postTransfers(by, [
      [posting({ id: 'beside-3', debit: account, credit: revenue, amount: 2n })],
      [
        {
          ...given,
          transfer: { ...given.transfer, grant },
          effects: { credit: { kind: 'granted', grant: { ...grant, id: 'beside-b', remaining: 4n, at: NOW } } },
        },
      ],
      [posting({ id: 'beside-4', debit: account, credit: revenue, amount: 4n })],
    ]);
    expect(results.flat().map(({ kind }) => kind)).toEqual(['created', 'created', 'created']);
    expect((await getTransfer(store, 'beside-4'))?.burned).toEqual([
      { grant: 'beside-a', amount: 1n },
      { grant: 'beside-b', amount: 3n },
    ]);
    expect(await stateOf(account)).toMatchObject({ left: { 'beside-b': 1n } });
    await expectBooksAgree(account);
  });

  test('does not burn twice when the answer to it was lost', async () => {
    const account = await ledger.openCustomer('lost', 10);
    await give(account, 'lost-grant', 10n);
    const mock = mockClient(store.client);
    const { send } = mock;
    let isLost = false;
    send.callsFake(async (command) => {
      const answer = await send.wrappedMethod.call(store.client, command);
      if (!(command instanceof TransactWriteItemsCommand) || isLost) return answer;
      isLost = true;
      throw Object.assign(new Error('The answer was lost.'), { name: 'TimeoutError' });
    });
    try {
      expect((await charge(account, 'lost-1', 4n)).kind).toBe('created');
    } finally {
      mock.restore();
    }
    expect(await stateOf(account)).toMatchObject({ left: { 'lost-grant': 6n } });
  });
});

describe('a grant', () => {
  test('is given once however often it is sent', async () => {
    const account = await ledger.openCustomer('once');
    const results = await Promise.all(Array.from({ length: 8 }, () => give(account, 'once-grant', 5n)));
    expect(results.map(({ kind }) => kind).sort()).toEqual(['created', ...Array(7).fill('replayed')]);
    expect(await stateOf(account)).toMatchObject({ left: { 'once-grant': 5n } });
    expect(await give(account, 'once-grant', 5n, { priority: 7n })).toMatchObject({
      kind: 'conflict',
      field: 'priority',
    });
  });

  test('is refused above ten with something left, told by what the account has', async () => {
    const account = await ledger.openCustomer('many');
    for (let index = 0; index < 10; index += 1) await give(account, `many-${index}`, 1n, {}, stranger());
    expect(await give(account, 'many-10', 1n)).toEqual({ kind: 'too-many-grants', account });
    expect(await give(account, 'many-3', 1n)).toMatchObject({ kind: 'replayed' });
    await charge(account, 'many-charge', 1n);
    expect((await give(account, 'many-10', 1n)).kind).toBe('created');
    await expectBooksAgree(account);
  });

  test('several at once are all there', async () => {
    const account = await ledger.openCustomer('several');
    const ids = Array.from({ length: 6 }, (_, index) => `several-${index}`);
    const results = await Promise.all(ids.map((id) => give(account, id, 2n, {}, stranger())));
    expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(['created']));
    expect(Object.keys((await stateOf(account)).left).sort()).toEqual(ids);
  });

  test('is listed among what expires at its time', async () => {
    const account = await ledger.openCustomer('listed');
    await give(account, 'listed-grant', 5n, { expiresAt: later(30) });
    const { Items: items = [] } = await store.client.send(
      new QueryCommand({
        TableName: store.ledgerTable,
        IndexName: BY_CREDIT,
        KeyConditionExpression: 'creditDay = :day AND creditAt < :until',
        ExpressionAttributeValues: {
          ':day': { S: expiryPartition(dayOf(later(30)), 'listed-grant') },
          ':until': { S: later(31) },
        },
      }),
    );
    expect(items.map(listedGrantFromItem)).toContainEqual({ grant: 'listed-grant', account });
  });
});

describe('a reversal', () => {
  test('puts back paid money first and then what was burned last, with the terms of the grant', async () => {
    const account = await ledger.openCustomer('back', 5);
    await give(account, 'back-a', 3n, { priority: 1n, expiresAt: later(9) });
    await give(account, 'back-b', 4n);
    await charge(account, 'back-1', 10n);
    expect(createdOf(await reverse('back-1', 'back-r1', 5n)).restored).toEqual([{ grant: 'back-b', amount: 2n }]);
    expect(createdOf(await reverse('back-1', 'back-r2')).restored).toEqual([
      { grant: 'back-b', amount: 2n },
      { grant: 'back-a', amount: 3n },
    ]);
    const { account: after } = await stateOf(account);
    expect(after.grants?.grants).toEqual([
      { id: 'back-a', remaining: 3n, priority: 1n, expiresAt: later(9), at: NOW },
      { id: 'back-b', remaining: 4n, priority: 100n, at: NOW },
    ]);
    expect(await reverse('back-1', 'back-r1', 5n)).toMatchObject({ kind: 'replayed' });
    await expectBooksAgree(account);
  });

  test('of parts, at once, each puts back a part of its own', async () => {
    const account = await ledger.openCustomer('parts', 0);
    await give(account, 'parts-a', 10n, { priority: 1n });
    await give(account, 'parts-b', 10n);
    await charge(account, 'parts-1', 20n);
    const results = await Promise.all(
      Array.from({ length: 5 }, (_, index) => reverse('parts-1', `parts-r${index}`, 3n)),
    );
    expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(['created']));
    expect(await stateOf(account)).toMatchObject({ left: { 'parts-a': 5n, 'parts-b': 10n } });
    expect(await reverse('parts-1', 'parts-more', 6n)).toEqual({ kind: 'over-reversed', remaining: 5n });
    await expectBooksAgree(account);
  });

  test('of a grant takes what is left of it first', async () => {
    const account = await ledger.openCustomer('taken');
    await give(account, 'taken-a', 5n, { priority: 1n });
    await give(account, 'taken-b', 5n);
    await charge(account, 'taken-1', 2n);
    expect(createdOf(await reverse('taken-b', 'taken-r')).burned).toEqual([{ grant: 'taken-b', amount: 5n }]);
    expect(createdOf(await reverse('taken-a', 'taken-s', 3n)).burned).toEqual([{ grant: 'taken-a', amount: 3n }]);
    expect(await stateOf(account)).toMatchObject({ left: {}, figures: { available: 0n } });
    await expectBooksAgree(account);
  });

  test('into an expired grant gives nothing to spend, and is swept', async () => {
    const account = await ledger.openCustomer('stale');
    await give(account, 'stale-grant', 5n, { expiresAt: later(1) });
    await charge(account, 'stale-1', 5n);
    await reverse('stale-1', 'stale-r', 4n, later(2));
    const { account: after } = await stateOf(account);
    expect(usableOf(after, later(2))).toBe(0n);
    expect(await charge(account, 'stale-2', 1n, later(2))).toEqual({ kind: 'insufficient-funds', account });
    expect(await sweep('stale-grant', account, later(3))).toMatchObject({ kind: 'posted', transfer: { amount: 4n } });
    await expectBooksAgree(account);
  });
});

describe('reversals that are posted all or none', () => {
  test('put back into one expired grant and list it once', async () => {
    const account = await ledger.openCustomer('linked');
    await give(account, 'linked-grant', 30n, { expiresAt: later(1) });
    const ids = ['linked-1', 'linked-2', 'linked-3'];
    for (const id of ids) await charge(account, id, 10n);
    const group = await Promise.all(
      ids.map((id, index) => reversalOf(id, addMilliseconds(later(2), index < 2 ? 1 : 59_999))),
    );
    const [results = []] = await postTransfers(store, [group]);
    expect(results.map(({ kind }) => kind)).toEqual(['created', 'created', 'created']);
    const pk = { S: `expiry#linked-grant#${addMilliseconds(later(2), 3 * 60_000)}` };
    const { Item: item } = await store.client.send(new GetItemCommand({ TableName: store.ledgerTable, Key: { pk } }));
    expect(item).toBeDefined();
    expect(await stateOf(account)).toMatchObject({ left: { 'linked-grant': 30n } });
    await expectBooksAgree(account);
  });

  test('side by side with others go into one transaction', async () => {
    const account = await ledger.openCustomer('beside-linked');
    await give(account, 'beside-linked-grant', 20n, { expiresAt: later(1) });
    const ids = ['beside-linked-1', 'beside-linked-2'];
    for (const id of ids) await charge(account, id, 10n);
    const groups = await Promise.all(ids.map(async (id) => [await reversalOf(id, later(2))]));
    expect(await requestsOf(() => postTransfers(store, groups))).toBe(1);
    expect(await stateOf(account)).toMatchObject({ left: { 'beside-linked-grant': 20n } });
  });

  test('let what they are posted with burn what they put back, and no paid money, however often', async () => {
    const account = await ledger.openCustomer('moved', 10);
    await give(account, 'moved-grant', 10n, { expiresAt: later(1) });
    await charge(account, 'moved-1', 10n);
    const move = async (from: string, id: string, amount: bigint, at: string) => {
      const moved = posting({ id, debit: account, credit: 'platform:revenue:usage', amount }, at);
      const [results = []] = await postTransfers(store, [burningRestored([await reversalOf(from, at), moved])]);
      return results.map((result) => (result.kind === 'created' ? result.transfer.burned : result.kind));
    };
    const whole = [undefined, [{ grant: 'moved-grant', amount: 10n }]];
    expect(await move('moved-1', 'moved-2', 10n, later(2))).toEqual(whole);
    // The second original was recorded after the expiry.
    expect(await move('moved-2', 'moved-3', 10n, later(3))).toEqual(whole);
    expect(await stateOf(account)).toMatchObject({ left: {}, figures: { available: 10n } });
    // What is charged more is paid.
    expect(await move('moved-3', 'moved-4', 13n, later(4))).toEqual(whole);
    expect(await stateOf(account)).toMatchObject({ left: {}, figures: { available: 7n } });
    // And what is charged less stays expired.
    expect(await move('moved-4', 'moved-5', 4n, later(5))).toEqual([undefined, [{ grant: 'moved-grant', amount: 4n }]]);
    const { account: after, left } = await stateOf(account);
    expect(left).toEqual({ 'moved-grant': 6n });
    expect(usableOf(after, later(5))).toBe(10n);
    await expectBooksAgree(account);
  });

  test('let nobody burn more than they put back, of what expired before nothing, and of others nothing', async () => {
    const account = await ledger.openCustomer('restored', 5);
    await give(account, 'restored-early', 3n, { expiresAt: later(1) });
    await give(account, 'restored-late', 10n, { expiresAt: later(2) });
    // Out of the grant that lasts longer alone.
    await charge(account, 'restored-1', 4n, later(1));
    const charges = ['restored-2', 'restored-3'].map((id) =>
      posting({ id, debit: account, credit: 'platform:revenue:usage', amount: 3n }, later(3)),
    );
    const group = burningRestored([await reversalOf('restored-1', later(3)), ...charges]);
    const [results = []] = await postTransfers(store, [group]);
    expect(results.map((result) => result.kind === 'created' && result.transfer.burned)).toEqual([
      undefined,
      [{ grant: 'restored-late', amount: 3n }],
      [{ grant: 'restored-late', amount: 1n }],
    ]);
    expect(await stateOf(account)).toMatchObject({ left: { 'restored-early': 3n, 'restored-late': 6n } });
    expect(burningRestored(charges)).toEqual(charges);
    await expectBooksAgree(account);
  });
});

describe('what has expired', () => {
  test('cannot be spent or held before it is swept, and what is beside it can', async () => {
    const account = await ledger.openCustomer('gone', 3);
    await give(account, 'gone-grant', 5n, { expiresAt: later(1) });
    expect(await charge(account, 'gone-1', 4n, later(1))).toEqual({ kind: 'insufficient-funds', account });
    const made = createdOf(await charge(account, 'gone-2', 3n, later(1)));
    expect(made.burned).toBeUndefined();
    expect(await charge(account, 'gone-3', 1n, later(1), stranger())).toEqual({ kind: 'insufficient-funds', account });
    await expectBooksAgree(account);
  });

  test('is posted to breakage once, by however many', async () => {
    const account = await ledger.openCustomer('swept', 3);
    await give(account, 'swept-grant', 5n, { expiresAt: later(1) });
    const results = await Promise.all(
      Array.from({ length: 6 }, () => sweep('swept-grant', account, later(2), stranger())),
    );
    expect(results.filter(({ kind }) => kind === 'posted')).toHaveLength(1);
    expect(await sweep('swept-grant', account, later(3))).toEqual({ kind: 'nothing-left' });
    expect(await stateOf(account)).toMatchObject({ left: {}, figures: { debits: 5n, available: 3n } });
    const posted = results.find((result) => result.kind === 'posted');
    expect(posted).toMatchObject({
      transfer: { credit: 'platform:breakage', effectiveAt: later(1), burned: [{ grant: 'swept-grant', amount: 5n }] },
    });
    await expectBooksAgree(account);
  });

  test('is left alone before its time', async () => {
    const account = await ledger.openCustomer('early');
    await give(account, 'early-grant', 5n, { expiresAt: later(1) });
    expect(await sweep('early-grant', account, NOW)).toEqual({ kind: 'nothing-left' });
    expect(await stateOf(account)).toMatchObject({ left: { 'early-grant': 5n } });
  });

  test('races charges, and all of it is spent or broken but never both', async () => {
    const account = await ledger.openCustomer('raced');
    await give(account, 'raced-grant', 20n, { expiresAt: later(1) });
    const [charges] = await Promise.all([
      Promise.all(Array.from({ length: 10 }, (_, index) => charge(account, `raced-${index}`, 3n, NOW, stranger()))),
      sweep('raced-grant', account, later(1)),
      sweep('raced-grant', account, later(1), stranger()),
    ]);
    const spent = charges.filter(({ kind }) => kind === 'created').length;
    const { figures, left } = await stateOf(account);
    expect(figures.available).toBe(left['raced-grant'] ?? 0n);
    await sweep('raced-grant', account, later(1));
    expect(await stateOf(account)).toMatchObject({ left: {}, figures: { debits: 20n, available: 0n } });
    expect(BigInt(spent) * 3n).toBeLessThanOrEqual(20n);
    await expectBooksAgree(account);
  });

  test('is told as never to be posted where something else has the id of its posting', async () => {
    const account = await ledger.openCustomer('squatted');
    await give(account, 'squatted-grant', 5n, { expiresAt: later(1) });
    // No caller may choose such an id; an operator who writes the table may.
    const squatter = posting({
      id: 'breakage:squatted-grant:1.5',
      debit: 'platform:a',
      credit: 'platform:b',
      amount: 1n,
    });
    await postTransfer(store, squatter);
    await expect(sweep('squatted-grant', account, later(2))).rejects.toThrow(BreakageIdTakenError);
    expect(await stateOf(account)).toMatchObject({ left: { 'squatted-grant': 5n } });
    await charge(account, 'squatted-1', 1n);
    expect(await sweep('squatted-grant', account, later(2))).toMatchObject({ kind: 'posted' });
  });

  test('of a frozen account is looked at again', async () => {
    const account = await ledger.openCustomer('iced');
    await give(account, 'iced-grant', 5n, { expiresAt: later(1) });
    const freeze = { params: { accountId: account }, body: { reason: 'Looks like fraud.' } };
    await ledger.send('POST /v1/accounts/{accountId}/freeze', freeze);
    expect(await sweep('iced-grant', account, later(2))).toEqual({ kind: 'later' });
    const midnight = '2026-11-21T00:00:00.000Z';
    const pk = { S: `expiry#iced-grant#${midnight}` };
    const { Item: item } = await store.client.send(new GetItemCommand({ TableName: store.ledgerTable, Key: { pk } }));
    expect(item?.creditAt?.S).toBe(`${midnight}#iced-grant`);
    await ledger.send('POST /v1/accounts/{accountId}/unfreeze', freeze);
    expect(await sweep('iced-grant', account, later(26))).toMatchObject({ kind: 'posted' });
  });
});

describe('a hold from before the expiry of a grant', () => {
  const hold = (account: string, id: string, amount: number) =>
    ledger.send('POST /v1/holds', {
      body: { id, account, amount, credit: 'platform:revenue:usage', expiresInSeconds: 3 * 3_600 },
    });
  const capture = (holdId: string, amount: number, now: string) =>
    ledger.sendWith({ now: () => now }, 'POST /v1/holds/{holdId}/capture', {
      params: { holdId },
      body: { id: `${holdId}-capture`, amount },
    });

  test('is captured out of it afterwards, and paid money stays', async () => {
    const account = await ledger.openCustomer('reserved', 5);
    await give(account, 'reserved-grant', 10n, { expiresAt: later(1) });
    expect((await hold(account, 'reserved-hold', 8)).status).toBe(201);
    expect(await sweep('reserved-grant', account, later(2))).toMatchObject({
      kind: 'posted',
      transfer: { amount: 2n },
    });
    expect(await sweep('reserved-grant', account, later(2))).toEqual({ kind: 'later' });
    const captured = await capture('reserved-hold', 8, later(2));
    expect(captured.body).toMatchObject({ burned: [{ grant: 'reserved-grant', amount: '8' }] });
    expect(await stateOf(account)).toMatchObject({ left: {}, figures: { held: 0n, available: 5n } });
    await expectBooksAgree(account);
  });

  test('and captured in part leaves the rest to the sweep', async () => {
    const account = await ledger.openCustomer('partly', 5);
    await give(account, 'partly-grant', 10n, { expiresAt: later(1) });
    await hold(account, 'partly-hold', 8);
    expect((await capture('partly-hold', 3, later(2))).status).toBe(201);
    expect(usableOf((await stateOf(account)).account, later(2))).toBe(5n);
    expect(await sweep('partly-grant', account, later(2))).toMatchObject({ kind: 'posted', transfer: { amount: 7n } });
    await expectBooksAgree(account);
  });

  test('is captured for more out of what has not expired alone', async () => {
    const account = await ledger.openCustomer('excess', 4);
    await give(account, 'excess-grant', 100n, { expiresAt: later(1) });
    const at = later(2);
    const hold = { id: 'excess-hold', account, credit: 'platform:revenue:usage', asset: 'TOKEN', amount: 1n };
    const held = { ...hold, createdAt: NOW, expiresAt: later(5) };
    await postHold(store, held, {});
    const captured = (id: string, amount: bigint) => {
      const made = posting({ id, debit: account, credit: held.credit, amount }, at);
      const transfer = { ...made.transfer, hold: held.id };
      return captureHold(store, { ...made, transfer, held, overCapture: 'charge', by: '' }, at);
    };
    expect(await captured('excess-1', 100n)).toEqual({ kind: 'insufficient-funds', account });
    expect(await captured('excess-2', 6n)).toEqual({ kind: 'insufficient-funds', account });
    const made = createdOf(await captured('excess-3', 5n));
    expect(made.burned).toEqual([{ grant: 'excess-grant', amount: 1n }]);
    expect(await stateOf(account)).toMatchObject({
      left: { 'excess-grant': 99n },
      figures: { held: 0n, available: 99n },
    });
    await expectBooksAgree(account);
  });

  test('cannot be made of what has expired', async () => {
    const account = await ledger.openCustomer('tooLate', 5);
    await give(account, 'tooLate-grant', 10n, { expiresAt: later(-1) });
    expect((await hold(account, 'tooLate-hold', 6)).status).toBe(402);
    expect((await hold(account, 'tooLate-hold', 5)).status).toBe(201);
  });
});

describe('a reconciliation of balances', () => {
  const findingsOf = async (id: string) => {
    const deps = {
      books: ledger.books,
      chart,
      now: () => NOW,
      wait: async () => {},
      sweptUntil: async () => undefined,
    };
    const slice = { id: 'balances', kind: 'balances', buckets: [bucketOf(id)] } as const;
    const found = await Array.fromAsync(checkBalances(deps, slice, NOW, createCounter()));
    return found.flat().filter(({ account }) => account === id);
  };

  test('checks what is left of each grant, and names the one that has drifted', async () => {
    const account = await ledger.openCustomer('drifted', 5);
    await give(account, 'drifted-a', 10n);
    await give(account, 'drifted-b', 10n);
    await charge(account, 'drifted-1', 14n);
    await reverse('drifted-1', 'drifted-2', 6n);
    expect(await findingsOf(account)).toEqual([]);
    await store.client.send(
      new UpdateItemCommand({
        TableName: store.ledgerTable,
        Key: { pk: { S: accountKey(account) } },
        UpdateExpression: 'SET grants.#grant.remaining = grants.#grant.remaining + :one',
        ExpressionAttributeNames: { '#grant': 'drifted-b' },
        ExpressionAttributeValues: { ':one': { N: '1' } },
      }),
    );
    expect(await findingsOf(account)).toMatchObject([
      { kind: 'balance-drift', detail: expect.stringContaining('grant "drifted-b" 11 stored, 10 by transfers') },
    ]);
  });
});

describe('whatever is done at once', () => {
  test.each([1, 2, 3])('the account agrees with its records, seed %i', async (seed) => {
    const random = seededRandom(seed);
    const pick = (below: number) => Math.floor(random() * below);
    const account = await ledger.openCustomer(`storm${seed}`, 40);
    const id = (name: string, index: number) => `storm${seed}-${name}${index}`;
    for (let index = 0; index < 4; index += 1) {
      const expiry = index % 2 === 0 ? {} : { expiresAt: later(1 + pick(2)) };
      await give(account, id('g', index), BigInt(5 + pick(15)), { priority: BigInt(pick(3)), ...expiry });
    }
    for (let index = 0; index < 4; index += 1) await charge(account, id('first', index), BigInt(1 + pick(9)));
    const stores = Array.from({ length: 4 }, stranger);
    const work = Array.from({ length: 40 }, (_, index) => {
      const by = stores[index % 4] ?? store;
      const at = later(pick(4));
      switch (pick(5)) {
        case 0:
          return () => give(account, id('more', index), BigInt(1 + pick(9)), { priority: BigInt(pick(3)) }, by);
        case 1:
          return () => reverse(id('first', pick(4)), id('r', index), BigInt(1 + pick(4)), at);
        case 2:
          return () => sweep(id('g', 1 + 2 * pick(2)), account, later(4), by);
        default:
          return () => charge(account, id('c', index), BigInt(1 + pick(12)), at, by);
      }
    });
    const results = await Promise.allSettled(work.map((perform) => perform()));
    expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
    const { figures, left } = await stateOf(account);
    expect(figures.available).toBe(figures.credits - figures.debits);
    const granted = Object.values(left).reduce((sum, one) => sum + one, 0n);
    expect(figures.available).toBeGreaterThanOrEqual(granted);
    for (const one of Object.values(left)) expect(one).toBeGreaterThanOrEqual(0n);
    await expectBooksAgree(account);
  });
});
