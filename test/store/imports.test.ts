import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  claimImport,
  createImport,
  finishImport,
  getImport,
  type ImportAnnouncement,
  type ImportStore,
  importErrorsKey,
  importObjectKey,
  releaseImport,
  saveImportProgress,
} from '../../store/imports.ts';
import { startBooks, type TestBooks } from '../support/books.ts';

let books: TestBooks;
let store: ImportStore;

beforeAll(async () => {
  books = await startBooks();
  store = { client: books.client, operationsTable: books.operationsTable };
});
afterAll(() => books.stop());

const NOW = '2026-11-20T08:00:00.000Z';
const LATER = '2026-11-20T08:00:10.000Z';
const LEASE_MS = 10_000;
const NOTHING = { linesRead: 0, recorded: 0, duplicates: 0, refused: 0 };
const SOME = { linesRead: 10, recorded: 6, duplicates: 3, refused: 1 };

const announcement = (id: string): ImportAnnouncement => ({ id, format: 'csv', compression: 'none' });

const claim = (id: string, change: Partial<Parameters<typeof claimImport>[1]> = {}) =>
  claimImport(store, { id, attempt: 'first', content: 'c1', leaseMs: LEASE_MS, now: NOW, ...change });

/** Creates and claims an import, and fails the test when that is refused. */
async function claimed(id: string) {
  await createImport(store, announcement(id), NOW);
  const result = await claim(id);
  if (result.kind !== 'claimed') throw new Error(`The claim of a new import was refused: ${result.kind}`);
  return result.claim;
}

describe('createImport', () => {
  const mapping = {
    columns: { occurredAt: 'TIMESTAMP', requestId: 'id' },
    quantities: { input: 'In', output: 'Out' },
    constants: { account: 'customer:a' },
  };

  test('creates a record that waits for its file', async () => {
    const result = await createImport(store, { ...announcement('new'), mapping }, NOW);
    const record = { ...announcement('new'), mapping, status: 'waiting', requestedAt: NOW, ...NOTHING };
    expect(result).toEqual({ kind: 'created', record });
    expect(await getImport(store, 'new')).toEqual(record);
  });

  test('replays the same content in whatever order its parts come, with the first time of request', async () => {
    await createImport(store, { ...announcement('again'), mapping }, NOW);
    const turned = {
      constants: { account: 'customer:a' },
      quantities: { output: 'Out', input: 'In' },
      columns: { requestId: 'id', occurredAt: 'TIMESTAMP' },
    };
    const result = await createImport(store, { ...announcement('again'), mapping: turned }, LATER);
    expect(result).toMatchObject({ kind: 'replayed', record: { requestedAt: NOW, status: 'waiting' } });
  });

  test.each([
    ['format', { format: 'ndjson' }],
    ['compression', { compression: 'gzip' }],
    ['mapping', { mapping: { ...mapping, requestIdPrefix: 'x' } }],
    ['mapping', { mapping: undefined }],
  ] as const)('refuses the same id with another %s', async (field, change) => {
    await createImport(store, { ...announcement('other'), mapping }, NOW);
    const result = await createImport(store, { ...announcement('other'), mapping, ...change }, LATER);
    expect(result).toMatchObject({ kind: 'conflict', field, record: { ...announcement('other'), mapping } });
  });
});

describe('claimImport', () => {
  test('starts the import', async () => {
    await createImport(store, announcement('start'), NOW);
    expect(await claim('start')).toMatchObject({
      kind: 'claimed',
      record: { status: 'running', content: 'c1', startedAt: NOW, ...NOTHING },
    });
  });

  test('is refused while another attempt is within its time, and not after', async () => {
    await claimed('held');
    expect(await claim('held', { attempt: 'second', now: '2026-11-20T08:00:09.999Z' })).toEqual({ kind: 'busy' });
    expect(await claim('held', { attempt: 'second', now: LATER })).toMatchObject({ kind: 'claimed' });
  });

  test('is granted to the same attempt again', async () => {
    await claimed('same');
    expect(await claim('same')).toMatchObject({ kind: 'claimed' });
  });

  test('gives the progress of the attempt before, and the time of the first start', async () => {
    const first = await claimed('progress');
    await saveImportProgress(store, first, SOME);
    await releaseImport(store, first);
    expect(await claim('progress', { attempt: 'second', now: LATER })).toMatchObject({
      kind: 'claimed',
      record: { ...SOME, startedAt: NOW },
    });
  });

  test('is not needed for content that was read to its end', async () => {
    const first = await claimed('ended');
    await finishImport(store, first, { status: 'finished', counts: SOME, finishedAt: LATER });
    expect(await claim('ended', { attempt: 'second' })).toEqual({ kind: 'finished' });
  });

  test('starts anew for a file that was sent again with other content', async () => {
    const first = await claimed('replaced');
    const failed = { status: 'failed', counts: SOME, failure: 'cut', errorsKey: 'k', finishedAt: LATER } as const;
    await finishImport(store, first, failed);
    const again = await claim('replaced', { attempt: 'second', content: 'c2', now: LATER });
    expect(again).toMatchObject({ kind: 'claimed', record: { ...NOTHING, content: 'c2', startedAt: LATER } });
    const record = await getImport(store, 'replaced');
    expect(record).not.toHaveProperty('failure');
    expect(record).not.toHaveProperty('errorsKey');
    expect(record).not.toHaveProperty('finishedAt');
  });

  test.each([
    ['a file that nobody announced, the mapping that came with it last', { dropped: true }, 'new'],
    ['an announced file, the mapping that was announced', {}, 'old'],
  ] as const)('reads %s', async (_, origin, expected) => {
    const mappingOf = (account: string) => ({ columns: {}, constants: { account: `customer:${account}` } });
    const id = `mapping-${expected}`;
    await createImport(store, { ...announcement(id), ...origin, mapping: mappingOf('old') }, NOW);
    await claim(id);
    const again = await claim(id, { content: 'c2', mapping: mappingOf('new') });
    expect(again).toMatchObject({ kind: 'claimed', record: { mapping: mappingOf(expected) } });
  });

  test('forgets the mapping of a file that nobody announced when it comes again without one', async () => {
    const mapping = { columns: {}, constants: {} };
    await createImport(store, { ...announcement('bare'), dropped: true, mapping }, NOW);
    await claim('bare', { content: 'c2' });
    expect(await getImport(store, 'bare')).not.toHaveProperty('mapping');
  });

  test('goes to exactly one of many that ask at once', async () => {
    await createImport(store, announcement('race'), NOW);
    const attempts = Array.from({ length: 10 }, (_, index) => claim('race', { attempt: `attempt-${index}` }));
    const kinds = (await Promise.all(attempts)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'claimed')).toHaveLength(1);
  });
});

describe('an attempt that lost its claim', () => {
  test('can change nothing any more', async () => {
    const first = await claimed('lost');
    await claim('lost', { attempt: 'second', now: LATER });
    await expect(saveImportProgress(store, first, SOME)).rejects.toThrow('taken over the import "lost"');
    await expect(releaseImport(store, first)).rejects.toMatchObject({ name: 'ImportClaimLostError' });
    const end = { status: 'finished', counts: SOME, finishedAt: LATER } as const;
    await expect(finishImport(store, first, end)).rejects.toMatchObject({ name: 'ImportClaimLostError' });
    expect(await getImport(store, 'lost')).toMatchObject({ status: 'running', ...NOTHING });
  });
});

describe('finishImport', () => {
  test('keeps how it ended', async () => {
    const errorsKey = importErrorsKey('end');
    const end = { status: 'failed', counts: SOME, failure: 'The file was cut.', errorsKey, finishedAt: LATER } as const;
    await finishImport(store, await claimed('end'), end);
    const { counts, ...fields } = end;
    expect(await getImport(store, 'end')).toMatchObject({ ...fields, ...counts });
  });
});

test('getImport finds nothing under an id that nobody used', async () => {
  expect(await getImport(store, 'nobody')).toBeUndefined();
});

test('keys tell the format and the compression', () => {
  expect(importObjectKey(announcement('x'))).toBe('imports/x.csv');
  expect(importObjectKey({ id: 'x', format: 'ndjson', compression: 'gzip' })).toBe('imports/x.ndjson.gz');
  expect(importErrorsKey('x')).toBe('imports/x/errors.ndjson');
});
