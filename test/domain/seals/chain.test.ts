import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  describeSealFault,
  headBehind,
  type KeptLink,
  linkFrom,
  linkText,
  nextLink,
  SEAL_CHAIN_START,
  type SealHead,
  type SealLink,
  verifySealChain,
} from '../../../domain/seals/chain.ts';

const digest = (text: string) => createHash('sha256').update(text).digest('hex');

function chainOf(length: number): SealLink[] {
  const links: SealLink[] = [];
  for (let index = 1; index <= length; index += 1) {
    const times = { sealedAt: '2026-11-20T04:00:00.000Z', recordedUntil: '2026-11-20T03:40:00.000Z' };
    const content = { id: `s${index}`, ...times, days: ['2026-11-19'], entries: index, contents: digest(`${index}`) };
    links.push(nextLink(links.at(-1) ?? SEAL_CHAIN_START, content, digest));
  }
  return links;
}

const kept = (links: readonly SealLink[]): KeptLink[] =>
  links.map((link) => ({ sequence: link.sequence, link, isOverwritten: false, isHidden: false }));
const faultsOf = (found: readonly KeptLink[], listed: readonly SealHead[]) =>
  verifySealChain(found, listed, digest).map(
    ({ kind, sequence, to }) => `${kind} ${sequence}${to === undefined ? '' : `-${to}`}`,
  );

const links = chainOf(4);
const without = (...sequences: number[]) => links.filter(({ sequence }) => !sequences.includes(sequence));
const replaced = (sequence: number, link: SealLink | undefined) =>
  kept(links).map((one) => (one.sequence === sequence ? { ...one, link } : one));

describe('a chain of seals', () => {
  it('has hashes that anybody can recompute', () => {
    const [first] = links;
    const text =
      '{"contents":"6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b","days":["2026-11-19"],"entries":1,"id":"s1","previousHash":"0000000000000000000000000000000000000000000000000000000000000000","recordedUntil":"2026-11-20T03:40:00.000Z","sealedAt":"2026-11-20T04:00:00.000Z","sequence":1}';
    expect(first?.hash).toBe(digest(text));
  });

  it('is read back as it was written, and nothing else is taken for a link', () => {
    for (const link of links) expect(linkFrom(linkText(link))).toEqual(link);
    for (const text of ['', 'null', '[]', '7', '{}', '{"sequence":1}']) expect(linkFrom(text)).toBeUndefined();
  });

  it('has no fault while nobody touches it', () => {
    expect(faultsOf(kept(links), links)).toEqual([]);
    expect(faultsOf([], [])).toEqual([]);
  });

  it('is told every fault by its sequence', () => {
    expect(faultsOf(kept(without(4)), links)).toEqual(['cut 4']);
    expect(faultsOf([], links)).toEqual(['cut 1-4']);
    expect(faultsOf(kept(without(2, 3)), links)).toEqual(['removed 2-3']);
    expect(faultsOf(kept(without(1)), links)).toEqual(['removed 1']);
    expect(faultsOf(kept(links), without(4))).toEqual(['unlisted 4']);
    expect(faultsOf(replaced(2, undefined), links)).toEqual(['edited 2']);
    const [, second, third] = links;
    expect(faultsOf(replaced(2, second && { ...second, entries: 9 }), links)).toEqual(['edited 2']);
    // A sound link in the place of another.
    expect(faultsOf(replaced(2, third), links)).toEqual(['edited 2']);
    const anew = second && nextLink(links[0] ?? SEAL_CHAIN_START, { ...second, entries: 9 }, digest);
    expect(faultsOf(replaced(2, anew), links)).toEqual(['unlisted 2', 'unlinked 3']);
  });

  it('is told apart from a whole chain made anew by the list alone', () => {
    const forged: SealLink[] = [];
    for (const link of chainOf(3)) {
      forged.push(nextLink(forged.at(-1) ?? SEAL_CHAIN_START, { ...link, entries: 0 }, digest));
    }
    expect(faultsOf(kept(forged), forged)).toEqual([]);
    expect(faultsOf(kept(forged), links)).toEqual(['unlisted 1', 'unlisted 2', 'unlisted 3', 'cut 4']);
  });

  it('has one fault for a gap, however large somebody makes it in the list', () => {
    const fake = { sequence: 999_999_999_999, hash: 'f'.repeat(64) };
    expect(faultsOf(kept(links), [...links, fake])).toEqual(['cut 5-999999999999']);
  });

  it('goes on behind what the table lists of it where that follows, and never where a made-up item says', () => {
    const [first, second, third, fourth] = links as [SealLink, SealLink, SealLink, SealLink];
    const behindFirst = (...listed: SealLink[]) => headBehind(first, [first, ...listed], digest).sequence;
    expect(behindFirst(second, third, fourth)).toBe(4);
    expect(behindFirst(third, fourth)).toBe(1);
    expect(behindFirst(second, { ...third, previousHash: 'p' })).toBe(2);
    expect(behindFirst({ ...second, entries: 9 }, third)).toBe(1);
    expect(behindFirst(second, { ...fourth, sequence: 5_000 })).toBe(2);
  });

  it('says each fault in a sentence with its sequence', () => {
    const kinds = ['edited', 'removed', 'unlinked', 'hidden', 'overwritten', 'cut', 'unlisted'] as const;
    for (const kind of kinds) expect(describeSealFault({ kind, sequence: 12 })).toMatch(/seal 12\b.*\.$/i);
    for (const kind of ['removed', 'cut'] as const) {
      expect(describeSealFault({ kind, sequence: 12, to: 15 })).toMatch(/12\b.*\.$/);
      expect(describeSealFault({ kind, sequence: 12, to: 15 })).toContain('15');
    }
  });
});
