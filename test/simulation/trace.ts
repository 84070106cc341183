import { createHash } from 'node:crypto';

/** What happened, in its order: the last of it to be read, and all of it as one digest. */
export interface Trace {
  note(at: number, ...words: readonly string[]): void;
  /** SHA-256 over everything that was noted. */
  digest(): string;
  last(): readonly string[];
}

/** Events that are shown of a run that failed. */
const SHOWN = 60;

export function createTrace(): Trace {
  const hash = createHash('sha256');
  const last: { readonly at: number; readonly words: readonly string[] }[] = [];
  let pending = '';
  return {
    note(at, ...words) {
      pending += `${at} ${words.join(' ')}\n`;
      if (pending.length > 8_192) {
        hash.update(pending);
        pending = '';
      }
      last.push({ at, words });
      if (last.length >= 2 * SHOWN) last.splice(0, SHOWN);
    },
    digest: () => hash.copy().update(pending).digest('hex'),
    last: () => last.slice(-SHOWN).map(({ at, words }) => `${new Date(at).toISOString()} ${words.join(' ')}`),
  };
}
