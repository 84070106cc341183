import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareWithSeal, isOverdue, type SealChange, type Sealing } from '../../../domain/seals/compare.ts';
import { compareEntries, type EntryLine, type LedgerEntry } from '../../../domain/seals/entries.ts';

const ACCOUNT = 'customer:acme';
const sealing: Sealing = {
  ...{ day: '2026-11-19', seal: 3 },
  ...{
    recordedUntil: '2026-11-20T03:40:00.000Z',
    now: '2026-11-25T00:00:00.000Z',
    dueUntil: '2026-11-23T12:00:00.000Z',
  },
};
const EARLY = '2026-11-19T08:00:00.000Z';
const LATE = '2026-11-21T08:00:00.000Z';

const entry = (id: string, more: Partial<LedgerEntry> = {}): LedgerEntry => {
  const at = `2026-11-19T08:00:00.000Z#${more.at ?? id}`;
  return { account: ACCOUNT, digest: 'd', recordedAt: EARLY, ...more, id, at };
};

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function compare(sealed: readonly EntryLine[], ledger: readonly LedgerEntry[]) {
  const seen: string[] = [];
  const changes: SealChange[] = await Array.fromAsync(
    compareWithSeal(ACCOUNT, each(sealed), each(ledger), sealing, async ({ id }) => {
      seen.push(id);
    }),
  );
  expect(seen).toEqual(ledger.map(({ id }) => id));
  return changes.map(({ transfer, what }) => `${transfer} ${what}`).sort();
}

describe('an account’s day and its seal', () => {
  it('agree where nothing was done', async () => {
    const entries = [entry('a'), entry('b')];
    expect(await compare(entries, entries)).toEqual([]);
    expect(await compare([], [])).toEqual([]);
  });

  it('differ by what was edited, removed and inserted, in any number', async () => {
    const sealed = [entry('a'), entry('b'), entry('c')];
    expect(await compare(sealed, [])).toEqual(['a removed', 'b removed', 'c removed']);
    expect(await compare([], sealed)).toEqual(['a inserted', 'b inserted', 'c inserted']);
    expect(await compare(sealed, [entry('a', { digest: 'x' }), entry('bb'), entry('c')])).toEqual([
      'a edited',
      'b removed',
      'bb inserted',
    ]);
  });

  it('leave out what was recorded later, but not what claims a time to come, or none', async () => {
    const added = [
      entry('a', { recordedAt: LATE }),
      entry('b', { recordedAt: '2999-01-01' }),
      entry('c', { recordedAt: '' }),
    ];
    expect(await compare([], added)).toEqual(['b inserted', 'c inserted']);
  });

  it('differ by one edit where a transfer stands at another time', async () => {
    expect(await compare([entry('a'), entry('b')], [entry('b'), entry('a', { at: 'z' })])).toEqual(['a edited']);
  });

  it('differ by one edit where a sealed transfer says that it was recorded later', async () => {
    expect(await compare([entry('a')], [entry('a', { digest: 'x', recordedAt: LATE })])).toEqual(['a edited']);
  });

  it('differ by exactly what was done to them, for any ledger', async () => {
    const ids = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,3}$/), { maxLength: 30 });
    const what = fc.constantFrom('kept', 'edited', 'removed', 'inserted', 'later');
    await fc.assert(
      fc.asyncProperty(ids, fc.array(what, { minLength: 30, maxLength: 30 }), async (names, fates) => {
        const done = names.map((id, index) => ({ id, fate: fates[index] ?? 'kept' }));
        const sealed = done.filter(({ fate }) => fate !== 'inserted' && fate !== 'later').map(({ id }) => entry(id));
        const ledger = done
          .filter(({ fate }) => fate !== 'removed')
          .map(({ id, fate }) =>
            entry(id, { digest: fate === 'edited' ? 'x' : 'd', recordedAt: fate === 'later' ? LATE : EARLY }),
          );
        const expected = done
          .filter(({ fate }) => !['kept', 'later'].includes(fate))
          .map(({ id, fate }) => `${id} ${fate}`);
        expect(await compare(sealed.sort(compareEntries), ledger.sort(compareEntries))).toEqual(expected.sort());
      }),
    );
  });
});

it('tells what was recorded after the seal, and so long ago that a later one should have it', () => {
  const entry = { account: ACCOUNT, at: 'a', digest: 'd', id: 'i' };
  const overdue = (recordedAt: string) => isOverdue({ ...entry, recordedAt }, sealing);
  expect([EARLY, LATE, '2026-11-24T00:00:00.000Z'].map(overdue)).toEqual([false, true, false]);
});
