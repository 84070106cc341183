import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { toItem } from '../../../../store/items.ts';
import { accountKey } from '../../../../store/tables.ts';
import { type BillingWorld, MONTH, startBillingWorld } from '../../../support/billing-world.ts';

const ACME = 'customer:acme';
let world: BillingWorld;
let restore: () => Promise<void>;

beforeAll(async () => {
  world = await startBillingWorld();
  await world.opened(ACME, 10_000n);
  restore = await world.remember();
});
beforeEach(() => restore());

afterAll(() => world.stop());

async function use861(): Promise<void> {
  for (let index = 0; index < 72; index += 1) {
    const at = `${MONTH}-${String(1 + (index % 28)).padStart(2, '0')}T10:00:00.000Z`;
    await world.charged(ACME, `req-${index}`, index === 0 ? 80n : 11n, { effectiveAt: at });
  }
}

const generate = (id = 'october') => world.run({ id, kind: 'generate', month: MONTH });
const regenerate = (id: string) => world.run({ id, kind: 'regenerate', month: MONTH });

async function finalizeMonth(id: string) {
  const { outcome } = await world.run({ id: `${id}-review`, kind: 'review', month: MONTH });
  await world.approve(outcome?.approval ?? '', outcome?.hash ?? '');
  return world.run({ id, kind: 'finalize', review: `${id}-review`, hash: outcome?.hash });
}

test('an invoice says what the ledger says, and ties out three ways', async () => {
  await use861();
  const run = await generate();
  expect(run.error).toBeUndefined();
  expect(run.outcome?.counts).toEqual({ created: 1 });
  const invoice = await world.invoice(ACME);
  expect(invoice).toMatchObject({
    due: '861',
    opening: '0',
    closing: '9139',
    blocked: [],
    status: 'draft',
    version: 1,
  });
  expect(invoice.lines).toEqual([
    { unit: ACME, type: 'credit', description: 'top-up', quantity: '1', amount: '-10000', due: false },
    { unit: ACME, type: 'usage', description: 'chat', quantity: '72', amount: '861', due: true },
  ]);
});

test('an invoice whose balance was edited is blocked, says by how much, and does not change its lines', async () => {
  await use861();
  await world.tables.client.send(
    new UpdateItemCommand({
      TableName: world.tables.ledgerTable,
      Key: toItem({ pk: accountKey(ACME) }),
      UpdateExpression: 'SET debits = debits - :by',
      ExpressionAttributeValues: toItem({ ':by': 445n }),
    }),
  );
  const run = await generate();
  expect(run.outcome?.counts).toEqual({ created: 1, blocked: 1 });
  const invoice = await world.invoice(ACME);
  expect(invoice).toMatchObject({ due: '861' });
  expect(invoice.blocked).toEqual([
    'The balance of customer:acme moved by 9,584 TOKEN and its transfers come to 9,139 TOKEN: reconcile its balance and repair it.',
  ]);
  const review = await world.run({ id: 'review', kind: 'review', month: MONTH });
  expect(review.outcome?.counts).toEqual({ blocked: 1 });
  expect(review.outcome?.approval).toBeUndefined();
});

test('regenerating keeps every version, tells the difference line by line, and changes nothing when nothing changed', async () => {
  await use861();
  await generate();
  const first = await world.invoice(ACME);
  const same = await regenerate('again');
  expect(same.outcome?.counts).toEqual({ unchanged: 1 });
  expect(await world.invoice(ACME)).toMatchObject({ version: 1, digest: first.digest, status: 'draft' });
  await world.charged(ACME, 'late', 9n);
  const changed = await regenerate('late-one');
  expect(changed.outcome).toMatchObject({
    counts: { changed: 1 },
    totals: [{ asset: 'TOKEN', before: '861', after: '870' }],
  });
  const diff = await world.send('GET /v1/invoices/{invoiceId}/diff', { params: { invoiceId: `${MONTH}:${ACME}` } });
  expect(diff.body).toMatchObject({
    ...{ from: 1, to: 2 },
    changes: [
      {
        type: 'usage',
        description: 'chat',
        quantityBefore: '72',
        quantityAfter: '73',
        amountBefore: '861',
        amountAfter: '870',
      },
    ],
  });
  const invoice = await world.invoice(ACME);
  expect(invoice.versions).toMatchObject([
    { version: 1, madeBy: 'october' },
    { version: 2, madeBy: 'late-one' },
  ]);
  expect(await world.file('late-one', 'changes.csv')).toContain(
    '2026-10:customer:acme,2,customer:acme,usage,chat,TOKEN,72,73,861,870,9',
  );
});

test('a month is final once a second person approved exactly it, and numbers have no gaps', async () => {
  await use861();
  for (const name of ['bolt', 'cask', 'dune']) {
    await world.opened(`customer:${name}`, 500n);
    await world.charged(`customer:${name}`, `req-${name}`, 7n);
  }
  await generate();
  const early = await world.send('POST /v1/billing-runs', {
    body: { id: 'early', kind: 'finalize', review: 'none', hash: '0'.repeat(64) },
  });
  expect(early.status).toBe(404);
  const { outcome } = await world.run({ id: 'review', kind: 'review', month: MONTH });
  const finalize = { id: 'final', kind: 'finalize', review: 'review', hash: outcome?.hash };
  expect((await world.send('POST /v1/billing-runs', { body: finalize })).body).toMatchObject({
    type: 'urn:reckoner:problem:approval-needed',
  });
  await world.approve(outcome?.approval ?? '', outcome?.hash ?? '');
  const run = await world.run(finalize);
  expect(run.outcome?.counts).toEqual({ finalized: 4, invoice: 4 });
  const numbers = (await world.file('final', 'numbers.csv'))
    .trim()
    .split('\r\n')
    .slice(1)
    .map((line) => line.split(',')[0]);
  expect(numbers).toEqual([1, 2, 3, 4].map((count) => `INV-2026-00000${count}`));
  const again = await world.send('POST /v1/billing-runs', { body: finalize });
  expect(again).toMatchObject({ status: 200, headers: { 'idempotent-replayed': 'true' } });
  const other = await world.send('POST /v1/billing-runs', { body: { ...finalize, id: 'final-2' } });
  expect(other.status).toBe(409);
});

test('what comes late for a final invoice becomes a credit note or a debit adjustment, and never an edit', async () => {
  await use861();
  await generate();
  await finalizeMonth('final');
  const original = await world.invoice(ACME);
  await world.charged(ACME, 'late', 9n);
  expect((await regenerate('late-one')).outcome?.counts).toEqual({ 'debit-adjustment': 1 });
  const adjustment = await world.invoice(`${ACME}~1`);
  expect(adjustment).toMatchObject({
    ...{ kind: 'debit-adjustment', original: `${MONTH}:${ACME}`, month: MONTH, due: '9', status: 'draft' },
    ...{ opening: '9139', closing: '9130', madeBy: 'late-one', blocked: [] },
    lines: [{ type: 'usage', description: 'chat', quantity: '1', amount: '9' }],
  });
  await finalizeMonth('final-late');
  expect(await world.invoice(`${ACME}~1`)).toMatchObject({ status: 'final', number: 'DA-2026-000001' });
  await world.posted({
    ...{ id: 'back', debit: 'platform:revenue', credit: ACME, amount: 80n, corrects: 'req-0', requestId: 'req-0' },
    ...{ operation: 'chat', effectiveAt: `${MONTH}-01T10:00:00.000Z` },
  });
  expect((await regenerate('given-back')).outcome?.counts).toEqual({ 'credit-note': 1 });
  expect(await world.invoice(`${ACME}~2`)).toMatchObject({
    ...{ kind: 'credit-note', due: '-80', status: 'draft' },
    lines: [{ type: 'correction', description: 'chat', quantity: '1', amount: '-80' }],
  });
  expect(await world.invoice(ACME)).toMatchObject({ digest: original.digest, number: original.number, version: 1 });
});
