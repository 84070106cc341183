import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkChain, type WireAuditRecord } from '../../../contract/audit-chain.ts';
import type { AuditDeps } from '../../../functions/api/audit.ts';
import { makeHandler, type OperationsDeps } from '../../../functions/api/operations.ts';
import { appendWith } from '../../../store/audit.ts';
import { keepAnchor } from '../../../store/audit-archive.ts';
import { call } from '../../support/api.ts';
import { startArtifacts, type TestArtifacts } from '../../support/artifacts-bucket.ts';
import { startBooks, type TestBooks } from '../../support/books.ts';

let books: TestBooks;
let seals: TestArtifacts;
beforeAll(async () => {
  [books, seals] = await Promise.all([startBooks(), startArtifacts()]);
  for (const day of [1, 2, 3, 4, 5, 6, 7, 8, 9]) {
    await appendWith(
      books,
      {
        at: `2026-11-0${day}T00:00:00.000Z`,
        actor: day % 2 === 0 ? 'even' : 'odd',
        action: day === 9 ? 'ledger.resumed' : 'ledger.paused',
        target: day > 5 ? 'ledger' : 'account:customer:acme',
        details: { reason: `Day ${day}`, scopes: ['a', 'b'] },
      },
      [],
    );
  }
});
afterAll(() => Promise.all([books.stop(), seals.stop()]));

const send = (route: string, query: Record<string, string> = {}) => {
  const deps: AuditDeps = { audit: books, seals };
  return call(makeHandler(deps as OperationsDeps), route, { query });
};
async function list(query: Record<string, string> = {}) {
  const { status, body } = await send('GET /v1/audit', query);
  expect(status, JSON.stringify(body)).toBe(200);
  return body as unknown as { records: WireAuditRecord[]; next?: string };
}
const sequencesOf = async (query: Record<string, string> = {}) =>
  (await list(query)).records.map(({ sequence }) => sequence);

test('tells records whole, so that whoever has them can verify them', async () => {
  const { records } = await list();
  expect(records[0]).toMatchObject({ sequence: 1, actor: 'odd', details: { reason: 'Day 1', scopes: ['a', 'b'] } });
  const check = await checkChain(
    (async function* () {
      yield* records;
    })(),
    { now: '2026-12-01T00:00:00.000Z' },
  );
  expect(check).toEqual({ records: 9, head: { sequence: 9, hash: records[8]?.hash } });
});

test.each<[Record<string, string>, number[]]>([
  [{ order: 'desc', limit: '2' }, [9, 8]],
  [{ from: '2026-11-03T00:00:00Z', to: '2026-11-05T00:00:00Z' }, [3, 4]],
  [{ from: '2026-12-01T00:00:00Z' }, []],
  [{ to: '2026-11-01T00:00:00Z' }, []],
  [{ fromSequence: '8' }, [8, 9]],
  [{ fromSequence: '3', toSequence: '4' }, [3, 4]],
  [{ fromSequence: '100' }, []],
  [{ actor: 'even' }, [2, 4, 6, 8]],
  [{ actor: 'even', target: 'ledger', order: 'desc' }, [8, 6]],
  [{ action: 'ledger.resumed' }, [9]],
  [{ actor: 'nobody' }, []],
])('%j gives %j', async (query, sequences) => {
  expect(await sequencesOf(query)).toEqual(sequences);
});

test.each(['asc', 'desc'])('pages have every record once, in order %s, filtered or not', async (order) => {
  for (const filter of [{}, { actor: 'odd' }]) {
    const whole = await sequencesOf({ order, ...filter });
    for (const limit of ['1', '2', '4', '500']) {
      const seen: number[] = [];
      let page = await list({ order, limit, ...filter });
      for (;;) {
        seen.push(...page.records.map(({ sequence }) => sequence));
        if (page.next === undefined) break;
        page = await list({ order, limit, cursor: page.next, ...filter });
      }
      expect(seen).toEqual(whole);
    }
  }
});

test.each([
  [{ from: '2026-11-05T00:00:00Z', to: '2026-11-03T00:00:00Z' }, 'to'],
  [{ fromSequence: '5', toSequence: '3' }, 'toSequence'],
  [{ limit: '501' }, 'limit'],
  [{ cursor: 'x' }, 'cursor'],
  [{ action: 'no.such' }, 'action'],
  [{ fromSequence: '0' }, 'fromSequence'],
])('refuses %j', async (query, field) => {
  const answer = await send('GET /v1/audit', query as Record<string, string>);
  expect(answer).toMatchObject({ status: 400, body: { errors: [{ field }] } });
});

describe('anchors', () => {
  test('are told newest first', async () => {
    expect((await send('GET /v1/audit/anchors')).body).toEqual({ anchors: [] });
    const anchor = (day: string, sequence: number) => ({
      day,
      sequence,
      hash: 'a'.repeat(64),
      anchoredAt: `${day}T03:15:00.000Z`,
    });
    const anchors = [anchor('2026-11-03', 3), anchor('2026-11-02', 2), anchor('2026-11-01', 1)];
    for (const one of anchors) expect(await keepAnchor(seals, one)).toBe('kept');
    expect((await send('GET /v1/audit/anchors')).body).toEqual({ anchors });
    expect((await send('GET /v1/audit/anchors', { limit: '1' })).body).toEqual({ anchors: anchors.slice(0, 1) });
  });

  test('stay as they were first kept', async () => {
    const late = { day: '2026-11-01', sequence: 9, hash: 'b'.repeat(64), anchoredAt: '2026-11-01T04:00:00.000Z' };
    expect(await keepAnchor(seals, late)).toBe('kept-before');
    const { anchors } = (await send('GET /v1/audit/anchors')).body as { anchors?: { sequence: number }[] };
    expect(anchors?.at(-1)?.sequence).toBe(1);
  });
});
