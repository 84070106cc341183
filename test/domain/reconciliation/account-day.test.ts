import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../domain/reconciliation/findings.ts';
import { judge, type Verdict } from '../../../domain/reconciliation/judge.ts';
import { dayOfGroup } from '../../../domain/reconciliation/pairing.ts';
import type { EvidenceRow, LedgerRow } from '../../../domain/reconciliation/rows.ts';
import { addMilliseconds, contains, type Period } from '../../../domain/time.ts';
import { type Books, chargeAt, evidenceAt, priceOf, type Reading, reconcile } from './in-memory-books.ts';

const PERIOD: Period = { start: '2026-11-16', end: '2026-11-20' };
const HOUR_MS = 3_600_000;
const NOON = '2026-11-17T12:00:00.000Z';

describe('books that were broken on purpose', () => {
  it('yield exactly what was broken, whatever the pages and shards', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(breakage(), { maxLength: 40 }), reading(), async (breakages, pages) => {
        const stories = breakages.map((broken, index) => tell(broken, `r${index}`));
        const books = {
          evidence: stories.flatMap((story) => story.evidence),
          ledger: stories.flatMap((story) => story.ledger),
        };
        const { findings, summary } = await reconcile(books, PERIOD, pages);
        expect(findings.map(nameOf).sort()).toEqual(stories.flatMap((story) => story.findings).sort());
        expect(summary.notPaired).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it('give a discrepancy that is the sum of the differences found', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(breakage(), { maxLength: 30 }), async (breakages) => {
        const stories = breakages.map((broken, index) => tell(broken, `r${index}`));
        const books = {
          evidence: stories.flatMap((story) => story.evidence),
          ledger: stories.flatMap((story) => story.ledger),
        };
        const { findings, summary } = await reconcile(books, PERIOD);
        const totals = summary.assets.TOKEN ?? NOTHING;
        let difference = 0n;
        for (const { expected, actual } of findings) if (expected !== undefined) difference += actual - expected;
        expect(totals.actual - totals.expected).toBe(difference);
        expect(totals.overCharged - totals.underCharged).toBe(difference);
      }),
    );
  });
});

describe('books in any disorder', () => {
  it('have every row in one match or in one finding, never in two', async () => {
    await fc.assert(
      fc.asyncProperty(disorder(), reading(), async (books, pages) => {
        const { findings, summary } = await reconcile(books, PERIOD, pages);
        const found = findings.flatMap((finding) => finding.transferIds);
        expect(new Set(found).size).toBe(found.length);
        const evidence = findings.flatMap(({ requestId, at, evidence: rows }) =>
          rows.map((row) => `${at}#${requestId} ${row.fingerprint}`),
        );
        const unmatched = books.evidence.filter((row) => verdictAt(row.key, books) !== 'match');
        expect(evidence.sort()).toEqual(unmatched.map((row) => `${row.key} ${row.fingerprint}`).sort());

        const totals = summary.assets.TOKEN ?? NOTHING;
        const inLedger = books.ledger.reduce((total, row) => total + row.amount, 0n);
        expect(totals.actual + totals.undetermined).toBe(inLedger);
        expect(summary.ledgerRows).toBe(books.ledger.length);
        expect(summary.evidenceRows).toBe(books.evidence.length);
      }),
      { numRuns: 500 },
    );
  });

  it('give the same findings in the same order, whatever the pages and shards', async () => {
    await fc.assert(
      fc.asyncProperty(disorder(), reading(), async (books, pages) => {
        const once = await reconcile(books, PERIOD);
        const again = await reconcile(books, PERIOD, pages);
        expect(again.findings.map(nameOf)).toEqual(once.findings.map(nameOf));
        expect(again.summary).toEqual(once.summary);
      }),
    );
  });
});

describe('the second look', () => {
  it('reports a charge without its evidence where the run does not cover the day of the evidence', async () => {
    const books = {
      evidence: [evidenceAt('2026-11-15T23:59:59.000Z', 'r', 5n)],
      ledger: [chargeAt('2026-11-16T00:00:01.000Z', 'r', 5n, { id: 't' })],
    };
    const { findings } = await reconcile(books, PERIOD);
    expect(findings).toMatchObject([{ kind: 'misdated', at: '2026-11-15T23:59:59.000Z', transferIds: ['t'] }]);
  });

  it('calls a misdated charge of another amount an amount mismatch', async () => {
    const books = { evidence: [evidenceAt(NOON, 'r', 5n)], ledger: [chargeAt(later(1), 'r', 7n, { id: 't' })] };
    const { findings } = await reconcile(books, PERIOD);
    expect(findings).toMatchObject([{ kind: 'amount-mismatch', cause: 'misdated', expected: 5n, actual: 7n }]);
  });

  it('prefers the charge of the right amount and calls the other a duplicate', async () => {
    const ledger = [chargeAt(later(-1), 'r', 9n, { id: 'wrong' }), chargeAt(later(25), 'r', 5n, { id: 'right' })];
    const { findings } = await reconcile({ evidence: [evidenceAt(NOON, 'r', 5n)], ledger }, PERIOD);
    expect(findings.map(({ kind, transferIds }) => [kind, ...transferIds])).toEqual([
      ['duplicate', 'wrong'],
      ['misdated', 'right'],
    ]);
  });

  it('lets one of two evidences that are days apart have the charge between them', async () => {
    const evidence = [evidenceAt(later(-20), 'r', 5n), evidenceAt(later(20), 'r', 5n)];
    const { findings } = await reconcile({ evidence, ledger: [chargeAt(NOON, 'r', 5n, { id: 't' })] }, PERIOD);
    expect(findings.map(({ kind, at }) => [kind, at])).toEqual([
      ['misdated', later(-20)],
      ['conflicting-evidence', later(20)],
    ]);
  });

  it('says why evidence without a price or without an account is not charged', async () => {
    const unpriced = { evidence: [evidenceAt(NOON, 'r', 5n, 'secret')], ledger: [] };
    const [finding] = (await reconcile(unpriced, PERIOD)).findings;
    expect(finding).toMatchObject({ kind: 'missing', cause: 'unpriced', actual: 0n });
    expect(finding?.expected).toBeUndefined();

    const nobodys = { evidence: [evidenceAt(NOON, 'r', 5n)], ledger: [] };
    const found = await reconcile(nobodys, PERIOD, undefined, { opened: false });
    expect(found.findings).toMatchObject([{ kind: 'missing', cause: 'account-not-opened', expected: 5n }]);
  });

  it('counts a charge of unpriced evidence as undetermined', async () => {
    const books = { evidence: [evidenceAt(NOON, 'r', 5n, 'secret')], ledger: [chargeAt(NOON, 'r', 5n)] };
    const { findings, summary } = await reconcile(books, PERIOD);
    expect(findings).toMatchObject([{ kind: 'amount-mismatch', cause: 'unpriced', actual: 5n }]);
    expect(summary.assets.TOKEN).toEqual({ ...NOTHING, undetermined: 5n });
  });

  it('calls a charge of what costs nothing unexpected, not a duplicate', async () => {
    const books = { evidence: [evidenceAt(NOON, 'r', 5n, 'free')], ledger: [chargeAt(later(1), 'r', 5n)] };
    const { findings } = await reconcile(books, PERIOD);
    expect(findings).toMatchObject([{ kind: 'unexpected', cause: 'free-of-charge' }]);
  });

  it('says that the id is taken when the charge under it was reversed elsewhere', async () => {
    const day = '2026-11-10T12:00:00.000Z';
    const ledger = [chargeAt(day, 'r', 5n), chargeAt(day, 'r', -5n, { id: 'undo', corrects: 'r' })];
    const { findings } = await reconcile({ evidence: [evidenceAt(NOON, 'r', 5n)], ledger }, PERIOD);
    expect(findings).toMatchObject([{ kind: 'missing', cause: 'id-taken', expected: 5n, actual: 0n }]);
  });

  it('is left out when too much is left over, and the summary says so', async () => {
    const moments = Array.from({ length: 8 }, (_, index) => later(index / 10));
    const books = {
      evidence: moments.map((at, index) => evidenceAt(at, `r${index}`, 5n)),
      ledger: moments.map((at, index) => chargeAt(addMilliseconds(at, 1), `r${index}`, 5n)),
    };
    const { findings, summary } = await reconcile(books, PERIOD, { pageRows: 3, shards: 1 }, { leftoversMax: 5 });
    expect(findings.map(({ kind }) => kind).sort()).toEqual([
      ...Array(8).fill('missing'),
      ...Array(8).fill('unexpected'),
    ]);
    expect(summary.notPaired).toBe(16);
  });
});

function verdictAt(key: string, books: Books): Verdict {
  const evidence = books.evidence.filter((row) => row.key === key);
  return judge({ key, evidence, ledger: books.ledger.filter((row) => row.key === key) }, priceOf).verdict;
}

const NOTHING = { expected: 0n, actual: 0n, overCharged: 0n, underCharged: 0n, undetermined: 0n };

function later(hours: number): string {
  return addMilliseconds(NOON, hours * HOUR_MS);
}

function nameOf({ kind, requestId, at }: Finding): string {
  return `${kind} ${requestId} ${at}`;
}

function reading(): fc.Arbitrary<Reading> {
  return fc.record({ pageRows: fc.integer({ min: 1, max: 5 }), shards: fc.integer({ min: 1, max: 3 }) });
}

interface Breakage {
  readonly how: (typeof WAYS)[number];
  readonly at: string;
  readonly units: bigint;
  /** Another time at most a day away, and one much further away. */
  readonly near: string;
  readonly far: string;
  readonly other: bigint;
}

const WAYS = [
  'not at all',
  'free and not charged',
  'not charged',
  'charged without evidence',
  'charged twice',
  'charged again at another time',
  'charged another amount',
  'charged at another time',
  'charged on a day far away',
  'other evidence at the same time',
  'other evidence at another time',
  'charged by mistake and wholly reversed',
  'charged twice and reversed once',
  'charged too little and corrected',
] as const;

function breakage(): fc.Arbitrary<Breakage> {
  const units = fc.bigInt({ min: 1n, max: 1_000n });
  return fc
    .record({
      how: fc.constantFrom(...WAYS),
      // Coarse times, so that different requests often stand at the same one.
      hour: fc.integer({ min: 0, max: 95 }),
      hours: fc.integer({ min: -23, max: 23 }).filter((hours) => hours !== 0),
      days: fc.integer({ min: -9, max: 9 }).filter((days) => Math.abs(days) > 2),
      units,
      more: units,
    })
    .map(({ how, hour, hours, days, units: amount, more }) => {
      const at = addMilliseconds('2026-11-16T00:00:00.000Z', hour * HOUR_MS);
      const near = addMilliseconds(at, hours * HOUR_MS);
      return { how, at, near, far: addMilliseconds(at, days * 24 * HOUR_MS), units: amount, other: amount + more };
    });
}

interface Story {
  readonly evidence: readonly EvidenceRow[];
  readonly ledger: readonly LedgerRow[];
  /** What must be found, as nameOf names it. */
  readonly findings: readonly string[];
}

function tell({ how, at, near, far, units, other }: Breakage, id: string): Story {
  const evidence = [evidenceAt(at, id, units)];
  const charge = chargeAt(at, id, units);
  const covered = contains(PERIOD, dayOfGroup({ key: near }));
  const found = (kind: string, when = at) => [`${kind} ${id} ${when}`];
  switch (how) {
    case 'not at all':
      return { evidence, ledger: [charge], findings: [] };
    case 'free and not charged':
      return { evidence: [evidenceAt(at, id, units, 'free')], ledger: [], findings: [] };
    case 'not charged':
      return { evidence, ledger: [], findings: found('missing') };
    case 'charged without evidence':
      return { evidence: [], ledger: [charge], findings: found('unexpected') };
    case 'charged twice':
      return { evidence, ledger: [charge, { ...charge, id: `${id}-2` }], findings: found('duplicate') };
    case 'charged again at another time':
      return {
        evidence,
        ledger: [charge, chargeAt(near, id, units, { id: `${id}-2` })],
        findings: covered ? found('duplicate', near) : [],
      };
    case 'charged another amount':
      return { evidence, ledger: [{ ...charge, amount: other }], findings: found('amount-mismatch') };
    case 'charged at another time':
      return { evidence, ledger: [chargeAt(near, id, units, { id: `${id}-late` })], findings: found('misdated') };
    case 'charged on a day far away':
      return { evidence, ledger: [chargeAt(far, id, units)], findings: found('misdated') };
    case 'other evidence at the same time':
      return {
        evidence: [...evidence, evidenceAt(at, id, other)],
        ledger: [charge],
        findings: found('conflicting-evidence'),
      };
    case 'other evidence at another time':
      return {
        evidence: [...evidence, evidenceAt(near, id, other)],
        ledger: [charge],
        findings: covered ? found('conflicting-evidence', near) : [],
      };
    case 'charged by mistake and wholly reversed':
      return { evidence: [], ledger: [charge, reversalOf(charge)], findings: [] };
    case 'charged twice and reversed once': {
      const second = { ...charge, id: `${id}-2` };
      return { evidence, ledger: [charge, second, reversalOf(second)], findings: [] };
    }
    case 'charged too little and corrected': {
      const rest = { ...charge, id: `${id}-rest`, amount: other - units, corrects: id };
      return { evidence: [evidenceAt(at, id, other)], ledger: [charge, rest], findings: [] };
    }
  }
}

function reversalOf(charge: LedgerRow): LedgerRow {
  return { ...charge, id: `${charge.id}-undo`, amount: -charge.amount, corrects: charge.id };
}

/** Few requests, many rows, all within the period: everything that can collide does. */
function disorder(): fc.Arbitrary<{ evidence: EvidenceRow[]; ledger: LedgerRow[] }> {
  const at = fc
    .integer({ min: 0, max: 15 })
    .map((sixths) => addMilliseconds('2026-11-16T00:00:00.000Z', sixths * 6 * HOUR_MS));
  const request = fc.constantFrom('a', 'aa', 'b', 'c');
  const evidence = fc
    .tuple(at, request, fc.bigInt({ min: 0n, max: 2n }), fc.constantFrom('chat', 'chat', 'free', 'secret'))
    .map((fields) => evidenceAt(...fields));
  const ledger = fc
    .tuple(
      at,
      request,
      fc.bigInt({ min: -2n, max: 3n }),
      fc.option(fc.constantFrom('t0', 't1', 't2'), { nil: undefined }),
    )
    .map(([when, id, amount, corrects]) => chargeAt(when, id, amount, corrects === undefined ? {} : { corrects }));
  return fc.record({
    evidence: fc.uniqueArray(evidence, { maxLength: 12, selector: (row) => `${row.key}#${row.fingerprint}` }),
    ledger: fc.array(ledger, { maxLength: 12 }).map((rows) => rows.map((row, index) => ({ ...row, id: `t${index}` }))),
  });
}
