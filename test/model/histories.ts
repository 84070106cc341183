import fc from 'fast-check';
import { type Operation, PLATFORM, type Posting } from './model.ts';

/** What one caller sends: an operation, or a batch of postings in which those of one group are linked. */
export type Call =
  | { readonly single: Operation }
  | { readonly batch: readonly { readonly posting: Posting; readonly group?: string }[] };

/** Steps follow one another; the calls of a step are sent at once. */
export type History = readonly (readonly Call[])[];

/** So few names and amounts that histories meet themselves: repeated ids, spent balances, holds resolved twice. */
const account = fc.constantFrom('a', 'b');
const transferId = fc.constantFrom('t1', 't2', 't3', 't4', 't5');
const holdId = fc.constantFrom('h1', 'h2');
const amount = fc.bigInt(1n, 9n);
const limit = fc.constantFrom(0n, 0n, 4n);

const transfer: fc.Arbitrary<Posting> = fc
  .record({
    id: transferId,
    way: fc.constantFrom([PLATFORM, 'a'], [PLATFORM, 'b'], ['a', 'b'], ['b', 'a'], ['a', PLATFORM]),
    amount,
  })
  .map(({ id, way: [debit = '', credit = ''], amount }) => ({ do: 'transfer', id, debit, credit, amount }));

const charge: fc.Arbitrary<Posting> = fc.record({
  do: fc.constant('charge' as const),
  id: transferId,
  account,
  amount,
});

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 6, arbitrary: transfer },
  { weight: 6, arbitrary: charge },
  {
    weight: 4,
    arbitrary: fc.record(
      { do: fc.constant('reverse' as const), id: transferId, of: transferId, amount },
      { requiredKeys: ['do', 'id', 'of'] },
    ),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('hold' as const), id: holdId, account, amount }) },
  {
    weight: 4,
    arbitrary: fc.record(
      { do: fc.constant('capture' as const), id: transferId, hold: holdId, amount },
      { requiredKeys: ['do', 'id', 'hold'] },
    ),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release' as const), hold: holdId }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('freeze' as const, 'unfreeze' as const), account }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), account }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('limit' as const), account, limit }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('open' as const), account, limit }) },
);

const batch = fc
  .array(
    fc.record({ posting: fc.oneof(transfer, charge), group: fc.constantFrom('x', 'y') }, { requiredKeys: ['posting'] }),
    { minLength: 1, maxLength: 4 },
  )
  // The same id twice in one group is refused as a whole, which says nothing of the ledger.
  .filter((elements) => {
    const linked = elements.flatMap(({ posting, group }) => (group === undefined ? [] : [`${group} ${posting.id}`]));
    return new Set(linked).size === linked.length;
  });

const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ single: operation }) },
  { weight: 1, arbitrary: fc.record({ batch }) },
);

/** Both accounts are nearly always open and funded before anything else happens. */
const beginning: fc.Arbitrary<History> = fc
  .record({ first: limit, second: limit, funds: fc.bigInt(5n, 20n) })
  .map(({ first, second, funds }) => [
    [{ single: { do: 'open', account: 'a', limit: first } }],
    [{ single: { do: 'open', account: 'b', limit: second } }],
    [{ single: { do: 'transfer', id: 'f', debit: PLATFORM, credit: 'a', amount: funds } }],
  ]);

const steps: fc.Arbitrary<History> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: call.map((one) => [one]) },
    { weight: 2, arbitrary: fc.array(call, { minLength: 2, maxLength: 3 }) },
  ),
  { minLength: 1, maxLength: 7 },
);

export const histories: fc.Arbitrary<History> = fc
  .tuple(fc.oneof({ weight: 9, arbitrary: beginning }, { weight: 1, arbitrary: fc.constant([]) }), steps)
  .map(([first, rest]) => [...first, ...rest]);
