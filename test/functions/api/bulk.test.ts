import { SQSServiceException } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BULK_ELEMENTS_MAX } from '../../../contract/limits.ts';
import { bulk, bulkWithResults } from '../../../contract/schemas/batches.ts';
import { PART_ELEMENTS_MAX } from '../../../functions/api/bulk-parts.ts';
import { addPartResults } from '../../../store/bulk.ts';
import { BULK, SHOW_BULK, startBulks, type TestBulks } from '../../support/bulk.ts';
import { startLedger, type TestLedger } from '../../support/ledger.ts';

let ledger: TestLedger;
let bulks: TestBulks;
let count = 0;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.books.stop());

const fresh = () => `k${count++}`;
const charge = (account: string, more: object = {}) => ({
  ...{ type: 'charge', id: fresh(), account, operation: 'completion', quantities: { tokens: 1 } },
  ...more,
});
const handIn = (id: string, elements: unknown) => bulks.send(BULK, { body: { id, elements } });
const show = (bulkId: string, query: Record<string, string> = {}) =>
  bulks.send(SHOW_BULK, { params: { bulkId }, query });

/** A queue of its own, and an id. */
function begin(): string {
  bulks = startBulks(ledger);
  return `bulk-${fresh()}`;
}

describe('handing in a bulk', () => {
  test('is answered with 202, and the same again with 200, whatever the order of fields', async () => {
    const id = begin();
    const [first, second] = [charge('customer:a'), charge('customer:b')];
    const answer = await handIn(id, [first, second]);
    expect(answer.status).toBe(202);
    expect(bulk().safeParse(answer.body).error).toBeUndefined();
    expect(answer.body).toMatchObject({ id, status: 'processing', elements: 2, done: 0, counts: {} });
    const turned = Object.fromEntries(Object.entries(first).reverse());
    const again = await handIn(id, [turned, second]);
    expect([again.status, again.headers['idempotent-replayed']]).toEqual([200, 'true']);
  });

  test('carries every character to the queue that a text may have, and the queue takes', async () => {
    const id = begin();
    const description = 'a\u{1f4a9} \ufffe\uffff \u2028 \u00e9';
    const sides = { debit: 'platform:funding', credit: 'customer:a', amount: '1', asset: 'TOKEN' };
    const element = { type: 'transfer', id: fresh(), ...sides, description };
    expect((await handIn(id, [element])).status).toBe(202);
    const body = bulks.queue[0]?.MessageBody ?? '';
    // What SQS takes: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    expect(body).toMatch(/^[\t\n\r\u0020-\ud7ff\ue000-\ufffd]*$/);
    expect(JSON.parse(body)).toMatchObject({ elements: [{ value: { description } }] });
  });

  test('under the id of another is a conflict, and queues nothing', async () => {
    const id = begin();
    await handIn(id, [charge('customer:a')]);
    bulks.queue.splice(0);
    const answer = await handIn(id, [charge('customer:a')]);
    expect([answer.status, answer.body.errors?.[0]?.field]).toEqual([422, 'elements']);
    expect(bulks.queue).toEqual([]);
  });

  test.each([
    ['without an id', { elements: [{}] }, 'id'],
    ['with an id that is too long', { id: 'x'.repeat(101), elements: [{}] }, 'id'],
    ['without elements', { id: 'x', elements: [] }, 'elements'],
    ['with too many', { id: 'x', elements: Array(BULK_ELEMENTS_MAX + 1).fill(0) }, 'elements'],
  ])('%s is refused as a whole', async (_, body, field) => {
    begin();
    const answer = await bulks.send(BULK, { body });
    expect([answer.status, answer.body.errors?.[0]?.field]).toEqual([400, field]);
    expect(bulks.queue).toEqual([]);
  });

  test('tells at once of elements that are bad in themselves, and keeps little of what is wrong', async () => {
    const id = begin();
    const colours = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`colour${index}`, 'red']));
    const answer = await handIn(id, [charge('customer:a'), { ...charge('customer:a'), ...colours }, 5]);
    expect(answer.body).toMatchObject({ status: 'processing', done: 2, counts: { 'invalid-request': 2 } });
    const { results } = (await show(id)).body as { results: { index: number; detail: string; errors: unknown[] }[] };
    expect(results.map(({ index, errors }) => [index, errors.length])).toEqual([
      [1, 3],
      [2, 1],
    ]);
    expect(results[0]?.detail.length).toBeLessThanOrEqual(300);
  });

  test('of bad elements alone is done when it is answered', async () => {
    const answer = await handIn(begin(), Array(250).fill('bad'));
    expect(answer.body).toMatchObject({ status: 'done', done: 250, counts: { 'invalid-request': 250 } });
    expect(bulks.queue).toEqual([]);
  });

  test('that broke off between record and queue is mended by handing it in again', async () => {
    const id = begin();
    const elements = [charge('customer:a'), {}];
    bulks.fault = Object.assign(new Error('connection lost'), { name: 'TimeoutError' });
    const failed = await handIn(id, elements);
    expect([failed.status, failed.headers['retry-after']]).toEqual([503, '1']);
    expect(await show(id)).toMatchObject({ body: { status: 'processing', done: 1 } });
    bulks.fault = undefined;
    expect((await handIn(id, elements)).status).toBe(200);
    expect(bulks.queue).toHaveLength(1);
  });

  test('is a fault of the service when the queue refuses for good', async () => {
    const id = begin();
    bulks.fault = new SQSServiceException({ name: 'AccessDenied', $fault: 'client', message: 'no', $metadata: {} });
    expect((await handIn(id, [charge('customer:a')])).status).toBe(500);
  });

  test('again sends only parts that have no results yet', async () => {
    const id = begin();
    const elements = Array.from({ length: PART_ELEMENTS_MAX + 1 }, () => charge('customer:nobody'));
    await handIn(id, elements);
    const [, second] = bulks.queue.splice(1);
    expect(second).toBeUndefined();
    await bulks.work();
    await handIn(id, elements);
    expect(bulks.queue.map(({ MessageDeduplicationId }) => MessageDeduplicationId)).toEqual([`${id}#1`]);
  });
});

describe('parts of a bulk', () => {
  const partsOf = () =>
    bulks.queue.map(({ MessageBody = '', MessageGroupId }) => {
      const { elements } = JSON.parse(MessageBody) as { elements: { index: number; again?: true; bad?: object }[] };
      return { lane: MessageGroupId, elements };
    });

  test('hold as many elements of a lane as one transaction takes, in order', async () => {
    await handIn(
      begin(),
      Array.from({ length: 250 }, () => charge('customer:one')),
    );
    expect(partsOf().map(({ elements }) => elements.length)).toEqual([99, 99, 52]);
    expect(new Set(partsOf().map(({ lane }) => lane)).size).toBe(1);
    const order = partsOf().flatMap(({ elements }) => elements.map(({ index }) => index));
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });

  test('keep linked elements together, with what is wrong with those that are bad', async () => {
    const group = (name: string) => Array.from({ length: 20 }, () => charge('customer:one', { group: name }));
    const elements = ['a', 'b', 'c', 'd', 'e'].flatMap(group);
    elements.push({ ...charge('customer:one'), group: 'e', colour: 'red' } as never);
    await handIn(begin(), elements);
    expect(partsOf().map(({ elements: own }) => own.length)).toEqual([80, 21]);
    expect(partsOf()[1]?.elements.at(-1)).toMatchObject({
      index: 100,
      bad: { group: 'e', errors: [{ field: 'colour' }] },
    });
  });

  test('are in the lane of the strict account, whichever side it stands on', async () => {
    const move = (debit: string, credit: string) => ({
      ...{ type: 'transfer', id: fresh(), debit, credit, amount: 1, asset: 'TOKEN' },
    });
    await handIn(begin(), [
      charge('customer:one'),
      move('customer:one', 'platform:sink'),
      move('platform:funding', 'customer:one'),
    ]);
    expect(partsOf().map(({ elements }) => elements.length)).toEqual([3]);
  });

  test('are small enough for a message', async () => {
    const quantities = Object.fromEntries(
      Array.from({ length: 16 }, (_, index) => [`${index}${'q'.repeat(62)}`, '9'.repeat(24)]),
    );
    const large = () => ({ ...charge('customer:one', { id: `${fresh()}${'i'.repeat(120)}` }), quantities });
    await handIn(begin(), Array.from({ length: 200 }, large));
    for (const { MessageBody = '' } of bulks.queue) expect(Buffer.byteLength(MessageBody)).toBeLessThan(200_000);
    expect(partsOf().flatMap(({ elements }) => elements)).toHaveLength(200);
  });

  test('know of an id that came before', async () => {
    const same = charge('customer:one');
    await handIn(begin(), [same, same, charge('customer:one')]);
    expect(partsOf()[0]?.elements.map(({ again }) => again)).toEqual([undefined, true, undefined]);
  });
});

describe('showing a bulk', () => {
  test('that nobody handed in is 404', async () => {
    begin();
    expect((await show('never')).status).toBe(404);
    expect((await show('no good id')).status).toBe(404);
  });

  test.each([
    ['limit', { limit: '0' }],
    ['limit', { limit: '1001' }],
    ['cursor', { cursor: 'x' }],
  ])('with a %s that breaks a rule names it', async (field, query) => {
    begin();
    const answer = await show('never', query as unknown as Record<string, string>);
    expect([answer.status, answer.body.errors?.[0]?.field]).toEqual([400, field]);
  });

  test('tells the first result of an element that has two, because it came again in another part', async () => {
    const id = begin();
    const elements = [charge('customer:nobody'), charge('customer:nobody')];
    await handIn(id, elements);
    const store = { client: ledger.books.client, operationsTable: ledger.books.operationsTable };
    const result = (index: number, name: string) => ({ index, status: 201, result: name });
    await addPartResults(store, { id, part: 0 }, [], [result(0, 'created')]);
    await addPartResults(store, { id, part: 3 }, [], [result(0, 'replayed')]);
    expect((await show(id)).body).toMatchObject({ status: 'processing', done: 1, counts: { created: 1 } });
    await addPartResults(store, { id, part: 2 }, [], [result(1, 'created'), result(0, 'replayed')]);
    const { body } = await show(id);
    expect(body).toMatchObject({ status: 'done', done: 2, counts: { created: 2 } });
    expect(body.results).toEqual([result(0, 'created'), result(1, 'created')]);
  });

  test('gives results page by page, in the order of the request', async () => {
    const id = begin();
    const accounts = ['a', 'b', 'c', 'd', 'e'].map((name) => `customer:none-${name}`);
    const elements = Array.from({ length: 230 }, (_, index) =>
      index % 7 === 0 ? {} : charge(accounts[index % 5] ?? ''),
    );
    await handIn(id, elements);
    await bulks.work();
    const seen: number[] = [];
    let cursor: string | undefined;
    do {
      const page = await show(id, cursor === undefined ? {} : { cursor });
      expect(bulkWithResults().safeParse(page.body).error).toBeUndefined();
      const { results, next } = page.body as unknown as { results: { index: number }[]; next?: string };
      seen.push(...results.map(({ index }) => index));
      expect(page.body).toMatchObject({ status: 'done', done: 230 });
      cursor = next;
    } while (cursor !== undefined);
    expect(seen).toEqual(elements.map((_, index) => index));
  });
});
