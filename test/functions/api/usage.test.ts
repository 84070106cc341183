import { DynamoDBClient, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chart } from '../../../config/chart.ts';
import { makeHandler } from '../../../functions/api/usage.ts';
import { systemClock } from '../../../store/retry.ts';
import type { UsageStore } from '../../../store/usage.ts';
import { call, type TestCall } from '../../support/api.ts';
import { startBooks, type TestBooks } from '../../support/books.ts';

const NOW = '2026-11-20T08:00:00.000Z';
let books: TestBooks;
let handler: ReturnType<typeof makeHandler>;

beforeAll(async () => {
  books = await startBooks();
  handler = handlerOn({ client: books.client });
});
afterAll(() => books.stop());

function handlerOn(fields: Partial<UsageStore>, now = () => NOW) {
  const store = {
    client: books.client,
    usageTable: books.usageTable,
    clock: systemClock,
    seenAccounts: new Set<string>(),
  };
  return makeHandler({ store: { ...store, ...fields }, chart, now });
}

const event = {
  requestId: 'req-1',
  account: 'customer:acme',
  operation: 'completion',
  quantities: { input_tokens: '10' },
  occurredAt: '2026-11-20T07:59:59.5Z',
};
const send = (body: unknown, rest: Omit<TestCall, 'body'> = {}) => call(handler, 'POST /v1/usage', { body, ...rest });
const fieldsOf = (answer: Awaited<ReturnType<typeof send>>) => answer.body.errors?.map(({ field }) => field);

async function evidenceOf(account: string): Promise<(string | undefined)[]> {
  const { Items } = await books.client.send(
    new QueryCommand({
      TableName: books.usageTable,
      KeyConditionExpression: 'pk = :day',
      ExpressionAttributeValues: { ':day': { S: `${account}#2026-11-20` } },
    }),
  );
  return (Items ?? []).map((item) => item.requestId?.S);
}

describe('one event', () => {
  test('is recorded once; a repetition is marked as such', async () => {
    expect(await send(event)).toMatchObject({ status: 201, body: { requestId: 'req-1', status: 'recorded' } });
    const again = await send(event);
    expect([again.status, again.body.status, again.headers['idempotent-replayed']]).toEqual([200, 'duplicate', 'true']);
  });

  test('for an account that nobody opened is still evidence', async () => {
    expect((await send({ ...event, account: 'nobody:knows:this' })).status).toBe(201);
    expect(await evidenceOf('nobody:knows:this')).toEqual(['req-1']);
  });

  test.each([
    ['an unknown field', { ...event, colour: 'red' }, 'colour'],
    ['a fraction', { ...event, quantities: { input_tokens: 1.5 } }, 'quantities.input_tokens'],
    ['a time in the future', { ...event, occurredAt: '2026-11-20T09:00:00Z' }, 'occurredAt'],
    ['broken Unicode in the source', { ...event, source: 'a\ud800' }, 'source'],
    ['a missing request id', { ...event, requestId: undefined }, 'requestId'],
    ['a number', 5, 'body'],
    ['an empty batch', { events: [] }, 'events'],
    ['a batch of 501', { events: new Array(501).fill(event) }, 'events'],
    ['a batch that is no list', { events: event }, 'events'],
  ])('with %s is refused by name', async (_, body, field) => {
    const answer = await send(body);
    expect([answer.status, fieldsOf(answer)]).toEqual([400, [field]]);
  });
});

describe('a batch', () => {
  test('answers per element; a bad one does not refuse its neighbours', async () => {
    const answer = await send({
      events: [{ ...event, requestId: 'b-1' }, event, { ...event, requestId: 'b 2' }, { ...event, requestId: 'b-3' }],
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ recorded: 2, duplicates: 1, refused: 1, unavailable: 0 });
    expect((answer.body.results as { status: string }[]).map(({ status }) => status)).toEqual([
      'recorded',
      'duplicate',
      'refused',
      'recorded',
    ]);
  });

  test('of different evidence for one request keeps both', async () => {
    const [first, second] = [{ input_tokens: 1 }, { input_tokens: 2 }].map((quantities) => ({
      ...event,
      account: 'customer:two',
      quantities,
    }));
    expect((await send([first, second])).body).toMatchObject({ recorded: 2 });
    expect(await evidenceOf('customer:two')).toEqual(['req-1', 'req-1']);
  });

  test('tells which elements could not be written, and begins no more when time is running out', async () => {
    const client = new DynamoDBClient({ region: 'us-east-1' });
    const mock = mockClient(client);
    mock.on(PutItemCommand).rejects(Object.assign(new Error('down'), { name: 'InternalServerError' }));
    let seconds = 0;
    const sleep = async () => {
      seconds += 3;
    };
    const clock = { now: () => seconds * 1000, random: () => 1, sleep };
    const slow = handlerOn({ client, clock }, () => new Date(Date.parse(NOW) + seconds * 1000).toISOString());
    const events = Array.from({ length: 100 }, (_, index) => ({ ...event, requestId: `slow-${index}` }));
    const answer = await call(slow, 'POST /v1/usage', { body: { events } });
    expect([answer.status, answer.body.unavailable]).toEqual([200, 100]);
    expect(mock.commandCalls(PutItemCommand).length).toBeLessThan(100);
  });
});

describe('CloudEvents', () => {
  const cloudEvent = {
    specversion: '1.0',
    id: 'ce-1',
    source: '/gateway/eu',
    type: 'completion',
    subject: 'customer:cloud',
    time: '2026-11-20T07:00:00Z',
    datacontenttype: 'application/json; charset=utf-8',
    data: { input_tokens: 10 },
    events: 'an extension attribute',
  };
  const headers = { 'content-type': 'application/cloudevents+json; charset=utf-8' };

  test('are read in structured and in batched mode', async () => {
    expect(await send(cloudEvent, { headers })).toMatchObject({ status: 201, body: { requestId: 'ce-1' } });
    const batch = await send([cloudEvent, { ...cloudEvent, id: 'ce-2' }], {
      headers: { 'content-type': 'application/cloudevents-batch+json' },
    });
    expect(batch.body).toMatchObject({ recorded: 1, duplicates: 1 });
    expect(await evidenceOf('customer:cloud')).toEqual(['ce-1', 'ce-2']);
  });

  test.each([
    ['another version', { ...cloudEvent, specversion: '0.3' }, 'specversion'],
    ['no subject', { ...cloudEvent, subject: undefined }, 'subject'],
    ['a time in the future', { ...cloudEvent, time: '2026-11-21T07:00:00Z' }, 'time'],
  ])('with %s are refused by their own field names', async (_, body, field) => {
    const answer = await send(body, { headers });
    expect([answer.status, fieldsOf(answer)]).toEqual([400, [field]]);
  });
});

test('a key that is bound to an account may write its evidence and no other', async () => {
  const caller = { account: 'customer:acme' };
  expect((await send({ ...event, requestId: 'bound-1' }, { caller })).status).toBe(201);
  expect((await send({ ...event, account: 'customer:other' }, { caller })).status).toBe(404);
  const batch = await send({ events: [{ ...event, account: 'customer:other', requestId: 'bound-2' }] }, { caller });
  expect(batch.body).toMatchObject({ recorded: 0, refused: 1 });
  expect(await evidenceOf('customer:other')).toEqual([]);
});
