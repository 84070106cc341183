import { createHash, type Hash } from 'node:crypto';
import { type Chart, type ChartEntry, chartEntryOf } from '../../../domain/chart.ts';
import { startedAhead } from '../../../domain/reconciliation/in-order.ts';
import type { BucketDay } from '../../../domain/seals/chain.ts';
import { compareWithSeal, type SealChange, type Sealing } from '../../../domain/seals/compare.ts';
import {
  accountLine,
  type EntryLine,
  entryLine,
  isEntry,
  type LedgerEntry,
  type SealLine,
} from '../../../domain/seals/entries.ts';
import type { Day, Instant } from '../../../domain/time.ts';
import { openedInBucket } from '../../../store/books.ts';
import { putPage, readPage, type SealBucket } from '../../../store/seal-bucket.ts';
import { type LedgerBook, readLedgerDay } from '../../../store/sealed-days.ts';

export interface BucketDayDeps {
  readonly books: LedgerBook;
  readonly seals: SealBucket;
  readonly chart: Chart;
}

/** Accounts whose first pages are asked for before their turn comes, as in reconciliations. */
const ACCOUNTS_AHEAD = 16;

/** An account that the chart does not know was kept in one partition. */
const UNCHARTED: Pick<ChartEntry, 'shards'> = { shards: 1 };

/**
 * Goes through all that the ledger lists for a bucket's day, in the order of seals, and compares it with the seal that it
 * has. Accounts that only the seal knows are looked at too: whoever removes an account does not hide its transfers.
 * @param former the bucket's day as it was sealed; without it, nothing is compared.
 * @param each called with every entry of the ledger.
 */
export async function* readBucketDay(
  { books, seals, chart }: BucketDayDeps,
  { bucket, day }: Pick<BucketDay, 'bucket' | 'day'>,
  former: { readonly bucketDay: BucketDay; readonly sealing: Sealing } | undefined,
  each: (entry: LedgerEntry) => Promise<void>,
): AsyncGenerator<SealChange> {
  const entriesOf = (account: string) => {
    return readLedgerDay(books, account, day, chartEntryOf(chart, account) ?? UNCHARTED);
  };
  const sealed = sealedAccounts(former === undefined ? [] : readLines(seals, former.bucketDay.pages));
  async function* compare(account: string, entries: AsyncIterable<LedgerEntry>): AsyncGenerator<SealChange> {
    if (former !== undefined) yield* compareWithSeal(account, sealed.entriesOf(account), entries, former.sealing, each);
    else for await (const entry of entries) await each(entry);
  }
  const listed = await openedInBucket(books, bucket);
  const opened = startedAhead(listed, ACCOUNTS_AHEAD, (account) => ({ account, entries: entriesOf(account) }));
  for (const { account, entries } of opened) {
    for (let other = await sealed.next(); other !== undefined && other < account; other = await sealed.next()) {
      yield* compare(other, entriesOf(other));
    }
    yield* compare(account, entries);
  }
  for (let other = await sealed.next(); other !== undefined; other = await sealed.next()) {
    yield* compare(other, entriesOf(other));
  }
}

/** A sealed bucket's day, account by account. */
function sealedAccounts(lines: AsyncIterable<SealLine> | Iterable<SealLine>) {
  const source = Symbol.asyncIterator in lines ? lines[Symbol.asyncIterator]() : lines[Symbol.iterator]();
  let line: SealLine | undefined;
  const advance = async () => {
    const { value, done } = await source.next();
    line = done ? undefined : value;
  };
  const begun = advance();
  // A failure is met when the first line is awaited.
  begun.catch(() => undefined);
  return {
    /** The account of the next lines; undefined when there are no more. */
    async next(): Promise<string | undefined> {
      await begun;
      return line?.account;
    },
    /** Its entries, which are taken by reading them; none where the next lines are another's. */
    async *entriesOf(account: string): AsyncGenerator<EntryLine> {
      await begun;
      for (; line?.account === account; await advance()) if (isEntry(line)) yield line;
    },
  };
}

async function* readLines(seals: SealBucket, pages: readonly string[]): AsyncGenerator<SealLine> {
  for (const page of pages) {
    for (const text of (await readPage(seals, page)).split('\n')) {
      if (text !== '') yield JSON.parse(text) as SealLine;
    }
  }
}

/** Characters of a page: 20,000 entries or so, which are read whole. */
const PAGE_CHARACTERS = 4_000_000;

/**
 * Writes the lines of a bucket's day into pages.
 * @param recordedUntil entries that were recorded later are left out.
 */
export function createSealWriter(seals: SealBucket, recordedUntil: Instant) {
  const bucketHash = createHash('sha256');
  const pages: string[] = [];
  let [page, characters]: [string[], number] = [[], 0];
  let [accounts, entries] = [0, 0];
  let account: { readonly id: string; readonly hash: Hash; entries: number } | undefined;

  async function write(line: string): Promise<void> {
    bucketHash.update(line);
    page.push(line);
    characters += line.length;
    if (characters >= PAGE_CHARACTERS) await endPage();
  }

  async function endPage(): Promise<void> {
    if (characters > 0) pages.push(await putPage(seals, page.join('')));
    [page, characters] = [[], 0];
  }

  async function endAccount(): Promise<void> {
    if (account === undefined) return;
    const { id, hash } = account;
    accounts += 1;
    entries += account.entries;
    await write(accountLine({ account: id, digest: hash.digest('hex'), entries: account.entries }));
    account = undefined;
  }

  return {
    async add(entry: LedgerEntry): Promise<void> {
      if (entry.recordedAt > recordedUntil) return;
      if (account?.id !== entry.account) await endAccount();
      account ??= { id: entry.account, hash: createHash('sha256'), entries: 0 };
      const line = entryLine(entry);
      account.hash.update(line);
      account.entries += 1;
      await write(line);
    },
    async end(day: Day, bucket: string): Promise<BucketDay> {
      await endAccount();
      await endPage();
      return { day, bucket, accounts, entries, digest: bucketHash.digest('hex'), pages };
    },
  };
}
