import { DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EFFECT_EVENTS_MAX } from '../../../contract/limits.ts';
import { makeHandler } from '../../../functions/api/operations.ts';
import { systemClock } from '../../../store/retry.ts';
import { recordEvidence } from '../../../store/usage.ts';
import { call } from '../../support/api.ts';
import { startBooks, type TestBooks } from '../../support/books.ts';
import { card, depsOn, fieldsOf, flat, NOW } from './rate-card-service.ts';

let books: TestBooks;
let handler: ReturnType<typeof makeHandler>;

beforeAll(async () => {
  books = await startBooks();
  handler = makeHandler(depsOn(books));
  expect((await call(handler, 'PUT /v1/rate-cards', { body: card })).status).toBe(201);
});
afterAll(() => books.stop());

const effect = (body: unknown, on = handler) => call(on, 'POST /v1/rate-cards/effect', { body });

describe('the effect of a proposal', () => {
  const question = {
    proposal: { ...card, effectiveFrom: '2027-01-01T00:00:00Z', operations: { search: flat(3) } },
    startDate: '2026-11-09',
    endDate: '2026-11-11',
    accounts: ['customer:acme', 'customer:other'],
  };

  beforeAll(async () => {
    const store = {
      client: books.client,
      usageTable: books.usageTable,
      clock: systemClock,
      seenAccounts: new Set<string>(),
    };
    const events = [
      ['customer:acme', '2026-11-09', 'search'],
      ['customer:acme', '2026-11-10', 'search'],
      ['customer:acme', '2026-11-10', 'chat'],
      ['customer:acme', '2026-11-12', 'search'],
      ['customer:other', '2026-11-09', 'search'],
      ['customer:other', '2026-11-11', 'search'],
      ['customer:third', '2026-11-10', 'search'],
    ] as const;
    for (const [index, [account, day, operation]] of events.entries()) {
      const event = { requestId: `e-${index}`, account, operation, quantities: {}, occurredAt: `${day}T10:00:00.000Z` };
      await recordEvidence(store, event, { shards: 1 }, NOW);
    }
  });

  test('is told by account and in total, from the evidence of those days alone', async () => {
    const { status, body } = await effect(question);
    expect([status, body]).toEqual([
      200,
      {
        rateCard: 'standard@2027-01-01T00:00:00.000Z',
        asset: 'TOKEN',
        startDate: '2026-11-09',
        endDate: '2026-11-11',
        accounts: [
          {
            account: 'customer:acme',
            events: 3,
            priced: 2,
            unpriced: 1,
            published: '2',
            proposed: '2',
            difference: '0',
            percent: '0.00',
          },
          {
            account: 'customer:other',
            events: 2,
            priced: 2,
            unpriced: 0,
            published: '4',
            proposed: '6',
            difference: '2',
            percent: '50.00',
          },
        ],
        total: { events: 5, priced: 4, unpriced: 1, published: '6', proposed: '8', difference: '2', percent: '33.34' },
        reasons: [
          {
            by: 'proposal',
            rule: 'rate card "standard" of 2027-01-01T00:00:00.000Z has no operation "chat"',
            events: 1,
          },
        ],
      },
    ]);
  });

  test('publishes nothing', async () => {
    await effect(question);
    const { body } = await call(handler, 'GET /v1/rate-cards');
    expect(body.rateCards).toHaveLength(1);
  });

  test.each<[string, Partial<typeof question>, string[]]>([
    ['32 days', { startDate: '2026-10-11' }, ['endDate']],
    ['an end before the start', { endDate: '2026-11-08' }, ['endDate']],
    ['no account', { accounts: [] }, ['accounts']],
    ['21 accounts', { accounts: Array.from({ length: 21 }, (_, index) => `customer:c${index}`) }, ['accounts']],
    ['an account twice', { accounts: ['customer:a', 'customer:a'] }, ['accounts.1']],
    ['an account of another card', { accounts: ['customer:a', 'postpaid:b'] }, ['accounts.1']],
    [
      'a proposal that the chart is against',
      { proposal: { ...question.proposal, asset: 'USD/2' } },
      ['proposal.asset', 'proposal.asset'],
    ],
  ])('over %s is refused by name', async (_, change, fields) => {
    expect(fieldsOf(await effect({ ...question, ...change }))).toEqual([400, ...fields]);
  });

  test('on more usage than one answer covers is refused, and reading stops', async () => {
    const client = new DynamoDBClient({ region: 'us-east-1' });
    const mock = mockClient(client);
    let rows = 0;
    mock.on(QueryCommand).callsFake(() => ({
      Items: Array.from({ length: 1_000 }, () => ({
        sk: { S: `2026-11-09T10:00:00.000Z#r-${(rows++).toString().padStart(9, '0')}#f` },
        fingerprint: { S: 'f' },
        operation: { S: 'search' },
        quantities: { M: {} },
      })),
      LastEvaluatedKey: { pk: { S: 'more' } },
    }));
    const one = { ...question, accounts: ['customer:acme'], endDate: question.startDate };
    const answer = await effect(one, makeHandler(depsOn(books, client)));
    expect(fieldsOf(answer)).toEqual([422, 'accounts']);
    expect(answer.body.type).toBe('urn:reckoner:problem:too-much-usage');
    expect(rows).toBeLessThan(EFFECT_EVENTS_MAX + 5_000);
  });

  test('is not for keys that are bound to an account', async () => {
    const caller = { account: 'customer:acme' };
    expect((await call(handler, 'POST /v1/rate-cards/effect', { body: question, caller })).status).toBe(403);
  });
});
