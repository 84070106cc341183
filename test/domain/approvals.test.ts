import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { approvalPolicy } from '../../config/approvals.ts';
import {
  type Approval,
  answerToDecision,
  expiryOf,
  isSamePerson,
  type KeyLineage,
  needsApproval,
  refusalOfUse,
  stateOf,
} from '../../domain/approvals.ts';

const NOW = '2026-11-20T08:00:00.000Z';
const LATER = '2026-11-23T08:00:00.000Z';
const HASH = 'a'.repeat(64);
const requested: Approval = {
  id: 'a-1',
  action: 'repair.apply',
  target: 'repair:r-1',
  hash: HASH,
  summary: ['Reverse 2 charges'],
  requestedBy: 'key-1',
  requestedAt: NOW,
  expiresAt: LATER,
  state: 'requested',
};
const approved: Approval = { ...requested, state: 'approved', decidedBy: 'key-2', decidedAt: NOW };
const approve = { verdict: 'approved', hash: HASH, by: 'key-2', at: NOW } as const;
const kindOf = (...call: Parameters<typeof answerToDecision>) => answerToDecision(...call)?.kind;

describe('a threshold', () => {
  const policy = { lifetimeHours: 1, thresholds: { TOKEN: 100n } };

  test('is what one person may move alone, sign ignored; an asset without one always takes two', () => {
    expect(needsApproval({ TOKEN: 100n }, policy)).toBe(false);
    expect(needsApproval({ TOKEN: -100n }, policy)).toBe(false);
    expect(needsApproval({ TOKEN: 101n }, policy)).toBe(true);
    expect(needsApproval({ TOKEN: -101n }, policy)).toBe(true);
    expect(needsApproval({ TOKEN: 1n, 'USD/2': 1n }, policy)).toBe(true);
    expect(needsApproval({ 'USD/2': 0n }, policy)).toBe(false);
    expect(needsApproval({ constructor: 1n }, policy)).toBe(true);
  });

  test('is not below zero in the configuration, and an approval lives for some time', () => {
    for (const threshold of Object.values(approvalPolicy.thresholds)) expect(threshold).toBeGreaterThanOrEqual(0n);
    expect(expiryOf(NOW, approvalPolicy) > NOW).toBe(true);
  });
});

describe('a decision', () => {
  test('may be made once, by somebody else, on what was shown, in time', () => {
    expect(kindOf(requested, approve, false)).toBeUndefined();
    expect(kindOf(undefined, approve, false)).toBe('not-found');
    expect(kindOf(requested, approve, true)).toBe('own-request');
    expect(kindOf(requested, { ...approve, hash: 'b'.repeat(64) }, false)).toBe('hash-differs');
    expect(kindOf(requested, { ...approve, hash: undefined }, false)).toBe('hash-differs');
    expect(kindOf(requested, { ...approve, at: LATER }, false)).toBe('approval-expired');
  });

  test('is unchanged when the same key repeats it, even after its use, and stands against all others', () => {
    expect(kindOf(approved, approve, false)).toBe('unchanged');
    expect(kindOf({ ...approved, state: 'used' }, approve, false)).toBe('unchanged');
    expect(kindOf({ ...approved, state: 'used' }, { ...approve, by: 'key-3' }, false)).toBe('approval-used');
    expect(kindOf(approved, { ...approve, by: 'key-3' }, false)).toBe('approval-decided');
  });

  test('that was to approve may be taken back until it is used, by anybody but whoever asked, and not the other way', () => {
    const reject = { ...approve, verdict: 'rejected', by: 'key-3' } as const;
    expect(kindOf(approved, reject, false)).toBeUndefined();
    expect(kindOf(approved, { ...reject, by: 'key-2' }, false)).toBeUndefined();
    expect(kindOf(approved, reject, true)).toBe('own-request');
    expect(kindOf(approved, { ...reject, hash: 'b'.repeat(64) }, false)).toBe('hash-differs');
    expect(kindOf(approved, { ...reject, at: LATER }, false)).toBe('approval-expired');
    expect(kindOf({ ...approved, state: 'used' }, reject, false)).toBe('approval-used');
    expect(kindOf({ ...approved, state: 'rejected', decidedBy: 'key-3' }, approve, false)).toBe('approval-decided');
  });

  test('against something may do without the hash, but names the right one if any', () => {
    const reject = { ...approve, verdict: 'rejected', hash: undefined } as const;
    expect(kindOf(requested, reject, false)).toBeUndefined();
    expect(kindOf(requested, { ...reject, hash: 'b'.repeat(64) }, false)).toBe('hash-differs');
  });
});

test('an approval expires while it is asked for or given, and not when it is rejected or used', () => {
  expect(stateOf(requested, LATER)).toBe('expired');
  expect(stateOf(approved, LATER)).toBe('expired');
  expect(stateOf({ ...requested, state: 'rejected' }, LATER)).toBe('rejected');
  expect(stateOf({ ...approved, state: 'used' }, LATER)).toBe('used');
});

test('an approval is good for exactly what it was given for, once and in time', () => {
  const use = { id: 'a-1', action: 'repair.apply', target: 'repair:r-1', hash: HASH, by: 'repair:r-1', at: NOW };
  expect(refusalOfUse(approved, use)).toBeUndefined();
  expect(refusalOfUse(undefined, use)).toBe('not-found');
  for (const field of ['action', 'target', 'hash'] as const) {
    expect(refusalOfUse(approved, { ...use, [field]: 'other' })).toBe('hash-differs');
  }
  expect(refusalOfUse({ ...approved, state: 'used' }, use)).toBe('approval-used');
  expect(refusalOfUse(approved, { ...use, at: LATER })).toBe('approval-expired');
  expect(refusalOfUse(requested, use)).toBe('not-approved');
  expect(refusalOfUse({ ...requested, state: 'rejected' }, use)).toBe('not-approved');
});

describe('one person', () => {
  const lineage = (id: string, ancestors: string[] = [], person?: string): KeyLineage => ({
    key: { id, ...(person !== undefined && { person }) },
    ancestors: new Set(ancestors),
  });

  test('has a key, and every key that was made or replaced by it, over any number of steps, whatever they are named', () => {
    expect(isSamePerson(lineage('a'), lineage('a'))).toBe(true);
    expect(isSamePerson(lineage('a', [], 'Ada'), lineage('b', ['x', 'a'], 'Bob'))).toBe(true);
    expect(isSamePerson(lineage('b', ['x', 'a'], 'Bob'), lineage('a', [], 'Ada'))).toBe(true);
  });

  test('is known by name, however it is written', () => {
    expect(isSamePerson(lineage('a', [], 'ada@example.com'), lineage('b', [], ' Ada@Example.COM '))).toBe(true);
    expect(isSamePerson(lineage('a', [], 'ada@example.com'), lineage('b', [], 'bob@example.com'))).toBe(false);
  });

  test('is not two people because one key made two, whatever persons they name', () => {
    expect(isSamePerson(lineage('a', ['admin']), lineage('b', ['admin']))).toBe(true);
    expect(isSamePerson(lineage('a', ['admin'], 'Ada'), lineage('b', ['admin'], 'Bob'))).toBe(true);
    expect(isSamePerson(lineage('a', ['x', 'admin'], 'Ada'), lineage('b', ['y', 'admin'], 'Bob'))).toBe(true);
  });

  test('is not two strangers: keys of the owner that come from no other key', () => {
    expect(isSamePerson(lineage('a'), lineage('b'))).toBe(false);
  });

  test('never approves what was asked for by a key that made the approving one, or was made by it', () => {
    const anyPerson = fc.option(fc.constantFrom('Ada', 'Bob'), { nil: undefined });
    fc.assert(
      fc.property(anyPerson, anyPerson, fc.array(fc.string()), (asks, answers, others) => {
        const [first, second] = [lineage('a', [], asks), lineage('b', [...others, 'a'], answers)];
        expect([isSamePerson(first, second), isSamePerson(second, first)]).toEqual([true, true]);
      }),
    );
  });
});
