import fc from 'fast-check';
import type { EvidenceRow } from '../../../domain/reconciliation/rows.ts';
import type { Decision } from '../../../domain/repairs/decisions.ts';
import type { Found } from '../../../domain/repairs/plan.ts';
import { addMilliseconds, type Instant, type Period } from '../../../domain/time.ts';
import type { Transfer } from '../../../domain/transfers.ts';
import { evidenceAt } from '../reconciliation/in-memory-books.ts';
import { chargeOf, correctionOf, type World } from './world.ts';

/** The books of stories go two weeks to each side of their days. */
export const PERIOD: Period = { start: '2026-11-01', end: '2026-12-08' };
const HOUR_MS = 3_600_000;

/** The ways in which a request comes into the books, right or broken. */
const WAYS = [
  'right',
  'missing',
  'missing and free',
  'missing and unpriced',
  'missing, its id taken',
  'missing, reversed by hand',
  'unexpected',
  'twice',
  'three times',
  'twice, and the first too little',
  'twice, and one reversed by hand',
  'again at another time',
  'too much',
  'too little',
  'too much, a part of it reversed by hand',
  'a charge of what is free',
  'a charge of nothing',
  'misdated',
  'misdated under the request’s id',
  'misdated by days',
  'misdated and too much',
  'misdated twice',
  'conflicting and charged',
  'conflicting and not charged',
  'conflicting and charged at another time',
  'other evidence at another time',
  'the same evidence at another time',
  'given back at another time',
  'evidence twice and no charge',
] as const;

export interface Told {
  readonly evidence: readonly EvidenceRow[];
  readonly transfers: readonly Transfer[];
}

export function worlds(max = 12): fc.Arbitrary<World> {
  return fc.array(story(), { minLength: 1, maxLength: max }).map((stories) => {
    const told = stories.map((each, index) => tell(each, `r${index}`));
    return {
      evidence: told.flatMap(({ evidence }) => evidence),
      transfers: told.flatMap(({ transfers }) => transfers),
      opened: true,
    };
  });
}

interface Story {
  readonly way: (typeof WAYS)[number];
  readonly at: Instant;
  readonly near: Instant;
  readonly far: Instant;
  readonly units: bigint;
  readonly more: bigint;
}

function story(): fc.Arbitrary<Story> {
  const units = fc.bigInt({ min: 1n, max: 9n });
  return fc
    .record({
      way: fc.constantFrom(...WAYS),
      hour: fc.integer({ min: 0, max: 71 }),
      hours: fc.integer({ min: -23, max: 23 }).filter((hours) => hours !== 0),
      days: fc.integer({ min: -9, max: 9 }).filter((days) => Math.abs(days) > 2),
      units,
      more: units,
    })
    .map(({ way, hour, hours, days, units: amount, more }) => {
      const at = addMilliseconds('2026-11-17T00:00:00.000Z', hour * HOUR_MS);
      const near = addMilliseconds(at, hours * HOUR_MS);
      return { way, at, near, far: addMilliseconds(at, days * 24 * HOUR_MS), units: amount, more };
    });
}

export function tell({ way, at, near, far, units, more }: Story, id: string): Told {
  const evidence = [evidenceAt(at, id, units)];
  const charge = chargeOf(at, id, units);
  const again = { ...charge, id: `${id}-2`, recordedAt: addMilliseconds(at, 1) };
  const told = (transfers: readonly Transfer[], rows: readonly EvidenceRow[] = evidence) => ({
    evidence: rows,
    transfers,
  });
  const misdated = chargeOf(near, id, units, `${id}-late`);
  const contradiction = [...evidence, evidenceAt(at, id, units + more)];
  switch (way) {
    case 'right':
      return told([charge]);
    case 'missing':
      return told([]);
    case 'missing and free':
      return told([], [evidenceAt(at, id, units, 'free')]);
    case 'missing and unpriced':
      return told([], [evidenceAt(at, id, units, 'secret')]);
    case 'missing, its id taken':
      return told([{ ...charge, debit: 'customer:other' }]);
    case 'missing, reversed by hand':
      return told([charge, correctionOf(charge, `${id}-undo`, -units)]);
    case 'unexpected':
      return told([charge], []);
    case 'twice':
      return told([charge, again]);
    case 'three times':
      return told([charge, again, { ...again, id: `${id}-3` }]);
    case 'twice, and the first too little':
      return told([{ ...charge, amount: units - 1n }, again]);
    case 'twice, and one reversed by hand':
      return told([charge, again, correctionOf(again, `${id}-undo`, -units)]);
    case 'again at another time':
      return told([charge, { ...again, effectiveAt: near }]);
    case 'too much':
      return told([{ ...charge, amount: units + more }]);
    case 'too little':
      return told([charge], [evidenceAt(at, id, units + more)]);
    case 'too much, a part of it reversed by hand': {
      const dear = { ...charge, amount: units + more + 1n };
      return told([dear, correctionOf(dear, `${id}-part`, -1n)]);
    }
    case 'a charge of what is free':
      return told([charge], [evidenceAt(at, id, units, 'free')]);
    case 'a charge of nothing':
      return told([{ ...charge, amount: 0n }]);
    case 'misdated':
      return told([misdated]);
    case 'misdated under the request’s id':
      return told([{ ...misdated, id }]);
    case 'misdated by days':
      return told([chargeOf(far, id, units)]);
    case 'misdated and too much':
      return told([{ ...misdated, amount: units + more }]);
    case 'misdated twice':
      return told([misdated, { ...misdated, id: `${id}-later`, effectiveAt: addMilliseconds(near, 1) }]);
    case 'conflicting and charged':
      return told([charge], contradiction);
    case 'conflicting and not charged':
      return told([], contradiction);
    case 'conflicting and charged at another time':
      return told([misdated], contradiction);
    case 'other evidence at another time':
      return told([charge], [...evidence, evidenceAt(near, id, units + more)]);
    case 'the same evidence at another time':
      return told([charge], [...evidence, evidenceAt(near, id, units)]);
    case 'given back at another time':
      return told([charge, correctionOf(charge, `${id}-undo`, -units, near)]);
    case 'evidence twice and no charge':
      return told([], [...evidence, evidenceAt(near, id, units + more)]);
  }
}

/** How a person decides what waits for one: by a digit for each finding. */
export const choices = fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 8 });

/** Some findings are left without a decision, and others are decided in every way that fits. */
export function decide(world: World, found: readonly Found[], chosen: readonly number[]): Map<string, Decision> {
  const decisions = new Map<string, Decision>();
  for (const [index, { id, finding }] of found.entries()) {
    const choice = chosen[index % chosen.length] ?? 0;
    if (choice === 0) continue;
    if (choice === 1) decisions.set(id, { kind: 'leave' });
    else if (finding.kind === 'unexpected' && choice < 4) decisions.set(id, { kind: 'reverse' });
    else {
      const evidence = world.evidence.filter(({ key }) => key.slice(25) === finding.requestId);
      const row = evidence[choice % Math.max(1, evidence.length)];
      if (row !== undefined && (finding.kind !== 'duplicate' || choice === 5)) {
        decisions.set(id, { kind: 'evidence', fingerprint: row.fingerprint, at: row.key.slice(0, 24) });
      }
    }
  }
  return decisions;
}
