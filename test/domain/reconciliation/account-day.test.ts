import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AccountBooks, compareAccountDay } from '../../../domain/reconciliation/account-day.ts';
import type { Finding } from '../../../domain/reconciliation/findings.ts';
import { groupOf, judge, type Verdict } from '../../../domain/reconciliation/judge.ts';
import { dayOfGroup } from '../../../domain/reconciliation/pairing.ts';
import type { EvidenceRow, LedgerRow } from '../../../domain/reconciliation/rows.ts';
import { createCounter } from '../../../domain/reconciliation/summary.ts';
import { addMilliseconds, contains, daysOf, type Period } from '../../../domain/time.ts';
import {
  ACCOUNT,
  ASSET,
  accountBooks,
  type Books,
  chargeAt,
  evidenceAt,
  priceOf,
  type Reading,
  reconcile,
} from './in-memory-books.ts';

const PERIOD: Period = { start: '2026-11-16', end: '2026-11-22' };
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
        expect(evidenceIn(findings)).toEqual(unmatchedEvidence(books));
        expect(transfersIn(findings)).toEqual(unmatchedTransfers(books));

        const totals = summary.assets.TOKEN ?? NOTHING;
        const inLedger = books.ledger.reduce((total, row) => total + row.amount, 0n);
        expect(totals.actual + totals.undetermined).toBe(inLedger);
        expect(summary.ledgerRows).toBe(books.ledger.length);
        expect(summary.evidenceRows).toBe(books.evidence.length);
      }),
      { numRuns: 500 },
    );
  });

  it('that go on before and after the period have every row of the period in one match or in one finding', async () => {
    await fc.assert(
      fc.asyncProperty(disorder(-4, 4), reading(), async (books, pages) => {
        const { findings } = await reconcile(books, PERIOD, pages);
        const covered = (key: string) => contains(PERIOD, dayOfGroup({ key }));
        expect(evidenceIn(findings).filter(covered)).toEqual(unmatchedEvidence(books).filter(covered));
        const transfers = transfersIn(findings);
        expect(transfers).toEqual([...new Set(transfers)]);
        const ofPeriod = { ...books, ledger: books.ledger.filter(({ key }) => covered(key)) };
        expect(transfers).toEqual(expect.arrayContaining(unmatchedTransfers(ofPeriod)));
        expect(unmatchedTransfers(books)).toEqual(expect.arrayContaining(transfers));
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

  it('leaves a charge to the evidence near it, and calls evidence far away conflicting', async () => {
    const evidence = [evidenceAt(later(-13), 'r', 5n), evidenceAt(later(100), 'r', 5n)];
    const misdated = await reconcile({ evidence, ledger: [chargeAt(later(-11), 'r', 5n)] }, PERIOD);
    expect(misdated.findings.map(({ kind, at }) => [kind, at])).toEqual([
      ['misdated', later(-13)],
      ['conflicting-evidence', later(100)],
    ]);
    const ledger = [chargeAt(later(-13), 'r', 5n, { id: 'first' }), chargeAt(later(-11), 'r', 5n)];
    const duplicate = await reconcile({ evidence, ledger }, PERIOD);
    expect(duplicate.findings.map(({ kind, at }) => [kind, at])).toEqual([
      ['duplicate', later(-11)],
      ['conflicting-evidence', later(100)],
    ]);
  });

  it('lets the earliest of two evidences have a charge that is far from both', async () => {
    const evidence = [evidenceAt(later(-24), 'r', 5n), evidenceAt(later(96), 'r', 5n)];
    const { findings, summary } = await reconcile({ evidence, ledger: [chargeAt(later(36), 'r', 5n)] }, PERIOD);
    expect(findings.map(({ kind, at, transferIds }) => [kind, at, ...transferIds])).toEqual([
      ['misdated', later(-24), 'r'],
      ['conflicting-evidence', later(96)],
    ]);
    expect(summary.assets.TOKEN).toEqual({ ...NOTHING, expected: 5n, actual: 5n });
  });

  it('finds every charge once, however many are claimed from far away', async () => {
    const requests = Array.from({ length: 10_200 }, (_, index) => `r${index}`);
    const books = {
      evidence: requests.map((id) => evidenceAt(later(-24), id, 5n)),
      ledger: requests.map((id) => chargeAt(later(72), id, 5n)),
    };
    const { findings, summary } = await reconcile(books, PERIOD);
    expect(findings).toHaveLength(requests.length);
    expect(new Set(findings.map(({ kind }) => kind))).toEqual(new Set(['misdated']));
    expect(summary.assets.TOKEN).toEqual({ ...NOTHING, expected: 51_000n, actual: 51_000n });
  });

  it.each([
    ['the same day', 1],
    ['the day after', 24],
  ])('keeps a request missing that has evidence twice, again on %s, and no charge', async (_, hours) => {
    const evidence = [evidenceAt(NOON, 'r', 5n), evidenceAt(later(hours), 'r', 5n)];
    const { findings, summary } = await reconcile({ evidence, ledger: [] }, PERIOD);
    expect(findings.map(({ kind, at }) => [kind, at])).toEqual([
      ['missing', NOON],
      ['conflicting-evidence', later(hours)],
    ]);
    expect(summary.assets.TOKEN).toEqual({ ...NOTHING, expected: 5n, underCharged: 5n });
  });

  it('keeps a request missing whose other evidence costs nothing', async () => {
    const evidence = [evidenceAt(NOON, 'r', 5n), evidenceAt(later(1), 'r', 5n, 'free')];
    const { findings } = await reconcile({ evidence, ledger: [] }, PERIOD);
    expect(findings).toMatchObject([{ kind: 'missing', at: NOON }]);
  });

  it('calls evidence conflicting beside evidence that has its charge two days away', async () => {
    const evidence = [evidenceAt(NOON, 'r', 5n), evidenceAt(later(24), 'r', 5n)];
    const { findings } = await reconcile({ evidence, ledger: [chargeAt(later(48), 'r', 5n, { id: 't' })] }, PERIOD);
    expect(findings.map(({ kind, at }) => [kind, at])).toEqual([
      ['conflicting-evidence', NOON],
      ['misdated', later(24)],
    ]);
  });

  it('calls what is given back at another time than the charge unexpected, not charged again', async () => {
    const ledger = [chargeAt(NOON, 'r', 5n), chargeAt(later(3), 'r', -5n, { id: 'undo', corrects: 'r' })];
    const { findings } = await reconcile({ evidence: [evidenceAt(NOON, 'r', 5n)], ledger }, PERIOD);
    expect(findings).toMatchObject([{ kind: 'unexpected', cause: 'given-back', actual: -5n, transferIds: ['undo'] }]);
  });

  it('takes nothing that is given back for the charge of evidence', async () => {
    const ledger = [chargeAt(later(1), 'r', -5n, { id: 'undo', corrects: 'elsewhere' })];
    const { findings } = await reconcile({ evidence: [evidenceAt(NOON, 'r', 5n)], ledger }, PERIOD);
    expect(findings.map(({ kind, cause }) => [kind, cause])).toEqual([
      ['unexpected', 'given-back'],
      ['missing', undefined],
    ]);
  });

  it.each([
    ['the right charge as a match', 5n, [], { expected: 5n, actual: 5n }],
    ['a wrong charge as a mismatch', 9n, ['amount-mismatch'], { expected: 5n, actual: 9n, overCharged: 4n }],
  ])('counts %s that comes in after the pass', async (_, amount, kinds, totals) => {
    const evidence = [evidenceAt(NOON, 'r', 5n)];
    const after = inMemory({ evidence, ledger: [chargeAt(NOON, 'r', amount, { id: 't' })] });
    const { findings, summary } = await compareDay(inMemory({ evidence, ledger: [] }), after);
    expect(findings.map(({ kind }) => kind)).toEqual(kinds);
    expect(summary).toMatchObject({ pairs: 1, evidenceRows: 1, ledgerRows: 1 });
    expect(summary.assets.TOKEN).toEqual({ ...NOTHING, ...totals });
  });

  it('counts a charge that only the table has yet and the index has not', async () => {
    const evidence = [evidenceAt(NOON, 'r', 5n)];
    const books = inMemory({ evidence, ledger: [] });
    const behind = { ...books, transferOf: async () => chargeAt(NOON, 'r', 5n) };
    const { findings, summary } = await compareDay(books, behind);
    expect(findings).toEqual([]);
    expect(summary).toMatchObject({ pairs: 1, evidenceRows: 1, ledgerRows: 1 });
  });

  it('loses nothing that a later read does not show', async () => {
    const evidence = [evidenceAt(NOON, 'r', 5n)];
    const { findings } = await compareDay(inMemory({ evidence, ledger: [] }), inMemory({ evidence: [], ledger: [] }));
    expect(findings).toMatchObject([{ kind: 'missing', requestId: 'r' }]);
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

function inMemory(books: Books): AccountBooks {
  return accountBooks(books, { pageRows: 10, shards: 1 });
}

/** Compares the day of NOON; the second look sees other books than the pass. */
async function compareDay(books: AccountBooks, later: AccountBooks) {
  const counter = createCounter();
  const day = dayOfGroup({ key: NOON });
  const where = { day, period: PERIOD, account: ACCOUNT, asset: ASSET, opened: true, expectedOf: priceOf };
  const found = await Array.fromAsync(compareAccountDay(books.day(day), later, where, counter));
  return { findings: found.flat(), summary: counter.result() };
}

function evidenceIn(findings: readonly Finding[]): string[] {
  return findings
    .flatMap(({ requestId, at, evidence }) => evidence.map((row) => `${at}#${requestId} ${row.fingerprint}`))
    .sort();
}

function unmatchedEvidence(books: Books): string[] {
  const unmatched = books.evidence.filter((row) => verdictAt(row.key, books) !== 'match');
  return unmatched.map((row) => `${row.key} ${row.fingerprint}`).sort();
}

function transfersIn(findings: readonly Finding[]): string[] {
  return findings.flatMap((finding) => finding.transferIds).sort();
}

function unmatchedTransfers(books: Books): string[] {
  return books.ledger
    .filter((row) => verdictAt(row.key, books) !== 'match')
    .map((row) => row.id)
    .sort();
}

function verdictAt(key: string, books: Books): Verdict {
  const evidence = books.evidence.filter((row) => row.key === key);
  const ledger = books.ledger.filter((row) => row.key === key);
  return judge(groupOf(key, evidence, ledger), priceOf).verdict;
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

/**
 * Few requests, many rows: everything that can collide does. One charge of each request has the request's id as its own.
 * @param before days that the rows begin before the period, or `after` that they go on behind it.
 */
function disorder(before = 0, after = 0): fc.Arbitrary<{ evidence: EvidenceRow[]; ledger: LedgerRow[] }> {
  const [first, last] = [before * 4, (daysOf(PERIOD).length + after) * 4 - 1];
  const at = fc
    .integer({ min: first, max: last })
    .map((sixths) => addMilliseconds(`${PERIOD.start}T00:00:00.000Z`, sixths * 6 * HOUR_MS));
  const request = fc.constantFrom('a', 'aa', 'b', 'c');
  const evidence = fc
    .tuple(at, request, fc.bigInt({ min: 0n, max: 2n }), fc.constantFrom('chat', 'chat', 'free', 'secret'))
    .map((fields) => evidenceAt(...fields));
  const ledger = fc
    .tuple(
      at,
      request,
      fc.bigInt({ min: -2n, max: 3n }),
      fc.option(fc.constantFrom('a', 'b', 't1', 't2'), { nil: undefined }),
    )
    .map(([when, id, amount, corrects]) => chargeAt(when, id, amount, corrects === undefined ? {} : { corrects }));
  const named = (rows: readonly LedgerRow[]) => {
    const isFirst = (row: LedgerRow) =>
      row.amount > 0n && rows.find(({ id, amount }) => id === row.id && amount > 0n) === row;
    return rows.map((row, index) => (isFirst(row) ? row : { ...row, id: `t${index}` }));
  };
  return fc.record({
    evidence: fc.uniqueArray(evidence, { maxLength: 12, selector: (row) => `${row.key}#${row.fingerprint}` }),
    ledger: fc.array(ledger, { maxLength: 12 }).map(named),
  });
}
