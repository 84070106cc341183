import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AUDIT_ACTIONS,
  AUDIT_DETAILS_CHARACTERS_MAX,
  type AuditEntry,
  type AuditHead,
  AuditHeadAheadError,
  type AuditRecord,
  auditContent,
  auditLine,
  type ChainFault,
  createChainVerifier,
  describeFault,
  nextRecord,
} from '../../domain/audit.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const NOW = '2026-11-20T08:00:00.000Z';
const VERIFIED = '2026-11-22T00:00:00.000Z';

const anyDetail = fc.oneof(fc.string({ unit: 'grapheme' }), fc.boolean(), fc.array(fc.string(), { maxLength: 3 }));
const anyEntry: fc.Arbitrary<AuditEntry> = fc.record({
  at: fc.constantFrom('2026-11-20T08:00:00.000Z', '2026-11-20T08:00:00.001Z', '2026-11-20T08:04:00.000Z'),
  actor: fc.string({ minLength: 1, maxLength: 16 }),
  action: fc.constantFrom(...AUDIT_ACTIONS),
  target: fc.string({ maxLength: 16 }),
  details: fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), anyDetail, { maxKeys: 4 }),
});

function chainOf(entries: readonly AuditEntry[]): AuditRecord[] {
  const records: AuditRecord[] = [];
  for (const entry of entries) records.push(nextRecord(records.at(-1), entry, sha256));
  return records;
}

const anyChain = fc.array(anyEntry, { minLength: 3, maxLength: 12 }).map(chainOf);
const anyPlace = fc.tuple(anyChain, fc.nat()).map(([chain, index]) => ({ chain, index: index % chain.length }));

function faultOf(records: readonly AuditRecord[], anchors: readonly AuditHead[] = []): ChainFault | undefined {
  const verifier = createChainVerifier({ digest: sha256, now: VERIFIED, anchors });
  for (const record of records) verifier.next(record);
  return verifier.end();
}

/** All records from one on, computed anew so that each follows from the one before. */
function recomputed(records: readonly AuditRecord[]): AuditRecord[] {
  return chainOf(records);
}

const record = (sequence: number, chain: readonly AuditRecord[]) => chain[sequence - 1] as AuditRecord;

describe('a chain', () => {
  test('holds as it was written, against any of its own heads', () => {
    fc.assert(
      fc.property(anyChain, (chain) => {
        expect(faultOf(chain, chain)).toBeUndefined();
        expect(chain.map(({ sequence }) => sequence)).toEqual(chain.map((_, index) => index + 1));
      }),
    );
  });

  test('never goes back in time, whatever the clocks of its writers say', () => {
    fc.assert(
      fc.property(anyChain, (chain) => {
        const times = chain.map(({ at }) => at);
        expect(times).toEqual(times.toSorted());
      }),
    );
  });

  test('is what its description says: any JSON library that sorts names comes to the same hash', () => {
    const entry: AuditEntry = {
      at: NOW,
      actor: 'a',
      action: 'key.created',
      target: 'key:b',
      details: { z: 'é', a: true },
    };
    const first = nextRecord(undefined, entry, sha256);
    const text = `{"action":"key.created","actor":"a","at":"${NOW}","details":{"a":true,"z":"é"},"previousHash":"${'0'.repeat(64)}","sequence":1,"target":"key:b"}`;
    expect(auditContent(first)).toBe(text);
    expect(first.hash).toBe(sha256(text));
    expect(auditLine(first)).toBe(text.replace('"previousHash"', `"hash":"${first.hash}","previousHash"`));
  });

  test('does not take over a time that is still to come: whoever put that there would date all that follows', () => {
    const at = (time: string): AuditEntry => {
      return { at: time, actor: 'a', action: 'ledger.paused', target: 'ledger', details: {} };
    };
    const forged = nextRecord(undefined, at('9999-01-01T00:00:00.000Z'), sha256);
    expect(() => nextRecord(forged, at(NOW), sha256)).toThrow(AuditHeadAheadError);
    const garbled = { ...forged, at: 'soon' };
    expect(() => nextRecord(garbled, at(NOW), sha256)).toThrow(AuditHeadAheadError);
    const late = nextRecord(undefined, at('2026-11-20T08:10:00.000Z'), sha256);
    expect(() => nextRecord(late, at(NOW), sha256)).toThrow(AuditHeadAheadError);
    // The start of a long piece of work, told by a clock that says the same as others.
    expect(nextRecord(late, at(NOW), sha256, '2026-11-20T08:09:00.000Z').at).toBe(late.at);
  });

  test('comes out of its own lines unchanged', () => {
    fc.assert(
      fc.property(anyChain, (chain) => {
        expect(chain.map((one) => JSON.parse(auditLine(one)))).toEqual(chain);
      }),
    );
  });

  test('takes no record that is too long to be read', () => {
    const details = { reason: 'x'.repeat(AUDIT_DETAILS_CHARACTERS_MAX) };
    const entry: AuditEntry = { at: NOW, actor: 'a', action: 'ledger.paused', target: 'ledger', details };
    expect(() => nextRecord(undefined, entry, sha256)).toThrow(RangeError);
  });
});

describe('verification names', () => {
  const edits = ['actor', 'target', 'at', 'action'] as const;

  test('the record that was edited, whatever was edited in it', () => {
    fc.assert(
      fc.property(anyPlace, fc.constantFrom(...edits), ({ chain, index }, field) => {
        const edited = chain.with(index, { ...record(index + 1, chain), [field]: 'edited' });
        expect(faultOf(edited)).toEqual({ kind: 'edited', sequence: index + 1 });
      }),
    );
  });

  test('details that were changed, removed or added', () => {
    fc.assert(
      fc.property(anyPlace, ({ chain, index }) => {
        const { details } = record(index + 1, chain);
        const edited = chain.with(index, { ...record(index + 1, chain), details: { ...details, 'one more': 'x' } });
        expect(faultOf(edited)).toEqual({ kind: 'edited', sequence: index + 1 });
      }),
    );
  });

  test('the record after one that was edited together with its hash', () => {
    fc.assert(
      fc.property(anyPlace, ({ chain, index }) => {
        const content = { ...record(index + 1, chain), actor: 'somebody else entirely' };
        const edited = chain.with(index, { ...content, hash: sha256(auditContent(content)) });
        const isLast = index === chain.length - 1;
        expect(faultOf(edited)).toEqual(isLast ? undefined : { kind: 'unlinked', sequence: index + 2 });
        expect(faultOf(edited, [record(chain.length, chain)])?.kind).toBe(isLast ? 'rewritten' : 'unlinked');
      }),
    );
  });

  test('the record that was removed, and the one too many', () => {
    fc.assert(
      fc.property(anyPlace, ({ chain, index }) => {
        const isLast = index === chain.length - 1;
        const removed = isLast ? undefined : { kind: 'removed', sequence: index + 1 };
        expect(faultOf(chain.toSpliced(index, 1))).toEqual(removed);
        const twice = chain.toSpliced(index, 0, record(index + 1, chain));
        expect(faultOf(twice)).toEqual({ kind: 'inserted', sequence: index + 1 });
      }),
    );
  });

  test('an end that was cut off, by a head that was kept', () => {
    fc.assert(
      fc.property(anyPlace, ({ chain, index }) => {
        const left = chain.slice(0, index);
        expect(faultOf(left)).toBeUndefined();
        expect(faultOf(left, [record(chain.length, chain)])).toEqual({ kind: 'cut', sequence: index + 1 });
      }),
    );
  });

  test('a chain that was computed anew from a record on, by any head kept from there on', () => {
    fc.assert(
      fc.property(anyPlace, fc.nat(), ({ chain, index }, later) => {
        const forged = recomputed(chain.with(index, { ...record(index + 1, chain), actor: 'somebody else entirely' }));
        expect(faultOf(forged)).toBeUndefined();
        const kept = index + (later % (chain.length - index)) + 1;
        expect(faultOf(forged, [record(kept, chain)])).toEqual({ kind: 'rewritten', sequence: kept });
      }),
    );
  });

  test.each([
    ['lies before that of the record before', '2026-10-01T00:00:00.000Z'],
    ['is still to come', '2026-11-22T00:05:00.001Z'],
    ['is none', 'soon'],
    ['is written as no record of this service has it', '2026-11-21T00:00:00Z'],
  ])('a record whose hash fits and whose time %s', (_, at) => {
    const entry: AuditEntry = { at: NOW, actor: 'a', action: 'ledger.paused', target: 'ledger', details: {} };
    const first = nextRecord(undefined, entry, sha256);
    const forged = { ...nextRecord(first, entry, sha256), at };
    expect(faultOf([first, { ...forged, hash: sha256(auditContent(forged)) }])).toEqual({
      kind: 'misdated',
      sequence: 2,
    });
  });

  test('each of them in a sentence of its own', () => {
    const kinds = ['edited', 'removed', 'inserted', 'unlinked', 'cut', 'rewritten', 'misdated'] as const;
    const sentences = kinds.map((kind) => describeFault({ kind, sequence: 7 }));
    expect(new Set(sentences).size).toBe(kinds.length);
    for (const sentence of sentences) expect(sentence).toContain('ecord 7');
  });
});

test('a part is verified from its first record on, which is believed', () => {
  fc.assert(
    fc.property(anyPlace, ({ chain, index }) => {
      const verifier = createChainVerifier({ digest: sha256, now: VERIFIED, after: 'unknown', anchors: chain });
      for (const one of chain.slice(index)) verifier.next(one);
      expect(verifier.end()).toBeUndefined();
      expect([verifier.count(), verifier.head().sequence]).toEqual([chain.length - index, chain.length]);
    }),
  );
});
