import { expect, it } from 'vitest';
import type { Step } from '../../../../domain/repairs/steps.ts';
import { goodUntil, hashOf, partsOf } from '../../../../functions/workflow/repairs/plan.ts';

const basis = { transferIds: [], moments: [], ledger: '', evidence: '' };
const of = { account: 'customer:acme', asset: 'TOKEN', findingId: 'f', detail: '' };
const ruling = (requestId: string, number: number): Step => ({
  ...{ kind: 'ruling', id: `${requestId}-${number}`, requestId, at: '2026-11-19T08:00:00.000Z', basis, ...of },
  ruling: { number, overrules: [] },
});
const figures = { credits: 0n, debits: 0n, held: 0n, available: 0n };
const rebalance: Step = { ...{ kind: 'rebalance', id: 'rebalance', ...of }, from: figures, to: figures };
const request = (id: string, steps: number) => Array.from({ length: steps }, (_, number) => ruling(id, number));

it('never parts a request, however long it is', () => {
  const groups = [request('a', 150), request('b', 60), request('c', 300), request('d', 1)];
  expect(partsOf({ groups }).map((part) => part.length)).toEqual([150, 60, 300, 1]);
  expect(
    partsOf({ groups: [request('a', 150), request('b', 50), request('c', 1)] }).map(({ length }) => length),
  ).toEqual([200, 1]);
  expect(partsOf({ groups: [] })).toEqual([]);
});

it('sets balances before any transfer moves them', () => {
  expect(partsOf({ groups: [request('a', 2), [rebalance]] })[0]?.[0]).toBe(rebalance);
});

it('has a hash of its own for each repair, source, part and order of parts', () => {
  const repair = { id: 'fix', source: '{}' };
  const hashes = [
    hashOf(repair, ['a', 'b']),
    hashOf(repair, ['b', 'a']),
    hashOf(repair, ['a']),
    hashOf({ ...repair, id: 'other' }, ['a', 'b']),
    hashOf({ ...repair, source: '{"kind":"rollback"}' }, ['a', 'b']),
  ];
  expect(new Set(hashes).size).toBe(hashes.length);
  expect(goodUntil('2026-11-20T08:00:00.000Z')).toBe('2026-11-23T08:00:00.000Z');
});
