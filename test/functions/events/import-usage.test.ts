import { gzipSync } from 'node:zlib';
import { paginateQuery } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, GetObjectCommand, NoSuchKey, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { Context, SQSRecord } from 'aws-lambda';
import { type FauxqsServer, startFauxqs } from 'fauxqs';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { chart } from '../../../config/chart.ts';
import type { ImportDeps } from '../../../functions/events/import/import-file.ts';
import { makeHandler } from '../../../functions/events/import-usage.ts';
import { metrics } from '../../../functions/runtime/metrics.ts';
import {
  claimImport,
  createImport,
  getImport,
  type ImportAnnouncement,
  type ImportMapping,
} from '../../../store/imports.ts';
import { systemClock } from '../../../store/retry.ts';
import { startBooks, type TestBooks } from '../../support/books.ts';

const DROP_ZONE = 'drop-zone';
const ARTIFACTS = 'artifacts';
const NOW = '2026-11-20T12:00:00.000Z';
const AMPLE_MS = 900_000;

let books: TestBooks;
let objects: FauxqsServer;
let deps: ImportDeps;
let invocations = 0;

beforeAll(async () => {
  books = await startBooks();
  objects = await startFauxqs({ port: 0, host: '127.0.0.1', logger: false });
  const s3 = new S3Client({
    endpoint: `http://127.0.0.1:${objects.port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    forcePathStyle: true,
  });
  for (const Bucket of [DROP_ZONE, ARTIFACTS]) await s3.send(new CreateBucketCommand({ Bucket }));
  deps = {
    s3,
    imports: { client: books.client, operationsTable: books.operationsTable },
    usage: { client: books.client, usageTable: books.usageTable, clock: systemClock, seenAccounts: new Set() },
    artifactsBucket: ARTIFACTS,
    chart,
    now: () => NOW,
  };
});
afterAll(async () => {
  deps.s3.destroy();
  await objects.stop();
  await books.stop();
});
beforeEach(() => {
  // Structured logs and metrics go to the console; what they say is not what these tests are about.
  for (const method of ['log', 'info', 'warn', 'error'] as const) vi.spyOn(console, method).mockReturnValue();
});

async function drop(key: string, content: string | Buffer, mapping?: string): Promise<void> {
  const metadata = mapping === undefined ? {} : { Metadata: { mapping } };
  await deps.s3.send(new PutObjectCommand({ Bucket: DROP_ZONE, Key: key, Body: content, ...metadata }));
}

function announce(id: string, change: Partial<ImportAnnouncement> = {}) {
  return createImport(deps.imports, { id, format: 'csv', compression: 'none', ...change }, NOW);
}

/** Hands a message about the objects to the handler, as SQS does. Gives the messages that it will deliver again. */
async function deliver(key: string, remainingMs: () => number = () => AMPLE_MS): Promise<string[]> {
  const s3 = { bucket: { name: DROP_ZONE }, object: { key: encodeURIComponent(key), eTag: 'not read', size: 1 } };
  return deliverText(JSON.stringify({ Records: [{ eventName: 'ObjectCreated:Put', s3 }] }), remainingMs);
}

async function deliverText(body: string, remainingMs: () => number = () => AMPLE_MS): Promise<string[]> {
  const message = { messageId: 'm-1', body } as SQSRecord;
  const context = { awsRequestId: `invocation-${invocations++}`, getRemainingTimeInMillis: remainingMs } as Context;
  const { batchItemFailures } = await makeHandler(deps)({ Records: [message] }, context);
  return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
}

async function evidenceOf(account: string): Promise<{ requestId: string; input: string }[]> {
  const pages = paginateQuery(
    { client: books.client },
    {
      TableName: books.usageTable,
      KeyConditionExpression: 'pk = :day',
      ExpressionAttributeValues: { ':day': { S: `${account}#2026-11-20` } },
    },
  );
  const rows: { requestId: string; input: string }[] = [];
  for await (const { Items = [] } of pages) {
    for (const item of Items)
      rows.push({ requestId: item.requestId?.S ?? '', input: item.quantities?.M?.input?.N ?? '' });
  }
  return rows;
}

async function errorsOf(id: string): Promise<unknown[] | undefined> {
  try {
    const { Body } = await deps.s3.send(
      new GetObjectCommand({ Bucket: ARTIFACTS, Key: `imports/${id}/errors.ndjson` }),
    );
    const text = (await Body?.transformToString()) ?? '';
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  } catch (error) {
    if (error instanceof NoSuchKey) return undefined;
    throw error;
  }
}

const HEADER = 'requestId,account,operation,occurredAt,quantities.input\n';
const row = (account: string, number: number) => `r-${number},${account},chat,2026-11-20 08:00:00,${number}\n`;
const rows = (account: string, count: number) =>
  Array.from({ length: count }, (_, index) => row(account, index)).join('');

describe('a good file', () => {
  test('becomes evidence, even when nobody announced it', async () => {
    await drop('imports/good.csv', HEADER + rows('customer:good', 25));
    expect(await deliver('imports/good.csv')).toEqual([]);
    expect(await evidenceOf('customer:good')).toHaveLength(25);
    expect(await getImport(deps.imports, 'good')).toMatchObject({
      status: 'finished',
      format: 'csv',
      requestedAt: NOW,
      finishedAt: NOW,
      linesRead: 25,
      recorded: 25,
      duplicates: 0,
      refused: 0,
    });
    expect(await errorsOf('good')).toBeUndefined();
  });

  test('is read once, however often it is delivered', async () => {
    await drop('imports/once.csv', HEADER + rows('customer:once', 3));
    await deliver('imports/once.csv');
    const before = await getImport(deps.imports, 'once');
    expect(await deliver('imports/once.csv')).toEqual([]);
    expect(await getImport(deps.imports, 'once')).toEqual(before);
  });

  test('is read anew when it was sent again with more in it', async () => {
    await drop('imports/more.csv', HEADER + rows('customer:more', 3));
    await deliver('imports/more.csv');
    await drop('imports/more.csv', HEADER + rows('customer:more', 5));
    await deliver('imports/more.csv');
    expect(await evidenceOf('customer:more')).toHaveLength(5);
    expect(await getImport(deps.imports, 'more')).toMatchObject({ linesRead: 5, recorded: 2, duplicates: 3 });
  });

  test('that repeats another one is counted as duplicates and not written twice', async () => {
    await drop('imports/one.csv', HEADER + rows('customer:twice', 3));
    await drop('imports/two.csv', HEADER + rows('customer:twice', 3));
    await deliver('imports/one.csv');
    await deliver('imports/two.csv');
    expect(await evidenceOf('customer:twice')).toHaveLength(3);
    expect(await getImport(deps.imports, 'two')).toMatchObject({ status: 'finished', recorded: 0, duplicates: 3 });
  });

  test('is unpacked by what it is and not by its name', async () => {
    await drop('imports/packed.ndjson', gzipSync(JSON.stringify(event('customer:packed'))));
    await drop('imports/plain.ndjson.gz', JSON.stringify(event('customer:plain')));
    await deliver('imports/packed.ndjson');
    await deliver('imports/plain.ndjson.gz');
    expect(await evidenceOf('customer:packed')).toHaveLength(1);
    expect(await evidenceOf('customer:plain')).toHaveLength(1);
  });

  test('is kept for accounts that the chart does not know', async () => {
    await drop('imports/stranger.ndjson', JSON.stringify(event('stranger:x')));
    await deliver('imports/stranger.ndjson');
    expect(await evidenceOf('stranger:x')).toHaveLength(1);
  });

  const event = (account: string) => ({
    requestId: 'r-1',
    account,
    operation: 'chat',
    occurredAt: '2026-11-20T08:00:00Z',
    quantities: { input: 5 },
  });
});

describe('a mapping', () => {
  const mapping: ImportMapping = {
    columns: { occurredAt: 'TIMESTAMP' },
    quantities: { input: 'Tokens' },
    constants: { account: 'customer:announced', operation: 'chat' },
    requestIdPrefix: 'log',
  };
  const log = 'TIMESTAMP,Tokens\n2026-11-20 08:00:00.1234567,5\n2026-11-20 08:00:01.0,6\n';

  test('is the announced one, and names requests by their line', async () => {
    await announce('announced', { mapping });
    await drop('imports/announced.csv', log);
    await deliver('imports/announced.csv');
    expect(await evidenceOf('customer:announced')).toEqual([
      { requestId: 'log-2', input: '5' },
      { requestId: 'log-3', input: '6' },
    ]);
  });

  test('may come with a file that nobody announced', async () => {
    const constants = { account: 'customer:metadata', operation: 'chat' };
    await drop('imports/metadata.csv', log, JSON.stringify({ ...mapping, constants }));
    await deliver('imports/metadata.csv');
    expect(await evidenceOf('customer:metadata')).toHaveLength(2);
  });

  test.each([
    ['names a column that is not there', '{"columns":{"occurredAt":"WHEN"}}'],
    ['cannot be read', '{'],
  ])('that %s is mended by dropping the same file with the right one', async (what, wrong) => {
    const id = what.replaceAll(' ', '-');
    const constants = { account: `customer:${id}`, operation: 'chat' };
    await drop(`imports/${id}.csv`, log, wrong);
    await deliver(`imports/${id}.csv`);
    expect(await getImport(deps.imports, id)).toMatchObject({ status: 'failed' });
    await drop(`imports/${id}.csv`, log, JSON.stringify({ ...mapping, constants }));
    expect(await deliver(`imports/${id}.csv`)).toEqual([]);
    const mended = await getImport(deps.imports, id);
    expect(mended).toMatchObject({ status: 'finished', recorded: 2, mapping: { ...mapping, constants } });
    expect(mended).not.toHaveProperty('failure');
    expect(await evidenceOf(`customer:${id}`)).toHaveLength(2);
  });

  test('that was announced is not replaced by one that comes with the file', async () => {
    await announce('both', { mapping });
    await drop('imports/both.csv', log, JSON.stringify({ ...mapping, columns: { occurredAt: 'WHEN' } }));
    await deliver('imports/both.csv');
    expect(await getImport(deps.imports, 'both')).toMatchObject({ status: 'finished', mapping });
  });

  test.each([
    ['not-json', '{', 'The mapping in the metadata of the file is not JSON.'],
    ['bad-field', '{"columns":{"acount":"x"}}', 'The mapping in the metadata of the file breaks a rule: "columns": '],
  ])('that cannot be read (%s) fails the import with a reason', async (id, text, failure) => {
    await drop(`imports/${id}.csv`, log, text);
    expect(await deliver(`imports/${id}.csv`)).toEqual([]);
    expect(await getImport(deps.imports, id)).toMatchObject({
      status: 'failed',
      failure: expect.stringContaining(failure),
    });
  });
});

describe('a bad file', () => {
  test('loses no good row, and every bad one is listed with its line', async () => {
    const bad = 'r 1,nobody,chat,2026-11-20 08:00:00,1\nr-2,customer:partly,chat\n';
    await drop('imports/partly.csv', HEADER + row('customer:partly', 0) + bad + row('customer:partly', 3));
    expect(await deliver('imports/partly.csv')).toEqual([]);
    expect(await evidenceOf('customer:partly')).toHaveLength(2);
    expect(await getImport(deps.imports, 'partly')).toMatchObject({
      status: 'finished-with-errors',
      errorsKey: 'imports/partly/errors.ndjson',
      linesRead: 4,
      recorded: 2,
      refused: 2,
    });
    expect(await errorsOf('partly')).toEqual([
      {
        line: 3,
        field: 'requestId',
        rule: expect.stringContaining('visible ASCII'),
        value: 'r 1',
        more: [{ field: 'account', rule: expect.stringContaining('account path'), value: 'nobody' }],
      },
      {
        line: 4,
        field: 'line',
        rule: 'must have 5 fields, as the header has, and has 3',
        value: 'r-2,customer:partly,chat',
      },
    ]);
  });

  test.each([
    ['as a whole is counted, so that an alarm can tell', 'whole', 'nothing\n1\n', 1],
    ['in one row only is no failure of the file', 'one-row', `${HEADER}r-1,customer:one-row,chat\n`, 0],
  ])('%s', async (_, id, content, times) => {
    const counted = vi.spyOn(metrics, 'addMetric');
    await drop(`imports/${id}.csv`, content);
    await deliver(`imports/${id}.csv`);
    expect(counted.mock.calls.filter(([name]) => name === 'import_failed')).toHaveLength(times);
    counted.mockRestore();
  });

  test('may have bytes behind the end of its gzip: zeros are padding, other ones fail it and cost no row', async () => {
    const packed = gzipSync(HEADER + rows('customer:behind', 3));
    await drop('imports/padded.csv.gz', Buffer.concat([packed, Buffer.alloc(512)]));
    await deliver('imports/padded.csv.gz');
    expect(await getImport(deps.imports, 'padded')).toMatchObject({ status: 'finished', recorded: 3 });
    await drop('imports/junk.csv.gz', Buffer.concat([packed, Buffer.from('junk')]));
    await deliver('imports/junk.csv.gz');
    expect(await getImport(deps.imports, 'junk')).toMatchObject({ status: 'failed', duplicates: 3 });
    expect(await errorsOf('junk')).toMatchObject([{ line: 5, rule: expect.stringContaining('that is not gzip') }]);
  });

  test.each(['0.99999999999999999', '1.0', '1e3'])('does not have %s bent to a whole number', async (number) => {
    const quantities = `{"input":${number}}`;
    const line = JSON.stringify({ requestId: 'r-1', account: 'customer:bent', operation: 'chat', quantities: 0 });
    const timed = line.replace('"quantities":0', `"occurredAt":"2026-11-20T08:00:00Z","quantities":${quantities}`);
    const id = `bent-${number.replaceAll('.', '_')}`;
    await drop(`imports/${id}.ndjson`, timed);
    await deliver(`imports/${id}.ndjson`);
    expect(await getImport(deps.imports, id)).toMatchObject({ status: 'finished-with-errors', refused: 1 });
    expect(await errorsOf(id)).toMatchObject([
      { line: 1, field: 'quantities.input', value: 'a number with a fraction or an exponent' },
    ]);
  });

  test('without a column that the mapping needs is refused as a whole, naming the columns', async () => {
    await drop('imports/column.csv', 'requestId,acount\nr-1,customer:column\n');
    expect(await deliver('imports/column.csv')).toEqual([]);
    const failure =
      'There is no column "account", which "account" is read from. The columns are "requestId", "acount".';
    expect(await getImport(deps.imports, 'column')).toMatchObject({ status: 'failed', failure, linesRead: 0 });
    expect(await errorsOf('column')).toEqual([{ line: 1, field: 'file', rule: failure, value: '' }]);
  });

  test('that was cut short keeps the rows before the cut and says where it was', async () => {
    // Random ids, so that half of the file is about half of the rows.
    const lines = Array.from({ length: 1_600 }, (_, index) => {
      const noise = Math.imul(index + 1, 2_654_435_761) >>> 0;
      return `r-${noise},customer:cut,chat,2026-11-20 08:00:00,${index}\n`;
    });
    const whole = gzipSync(HEADER + lines.join(''));
    await drop('imports/cut.csv.gz', whole.subarray(0, whole.length / 2));
    expect(await deliver('imports/cut.csv.gz')).toEqual([]);
    const record = await getImport(deps.imports, 'cut');
    expect(record).toMatchObject({ status: 'failed', failure: expect.stringContaining('was cut short') });
    const kept = record?.recorded ?? 0;
    expect(kept).toBeGreaterThan(500);
    expect(await evidenceOf('customer:cut')).toHaveLength(kept);
    // Line 1 is the header, so the row after the last that was kept is this one.
    expect(await errorsOf('cut')).toMatchObject([{ line: kept + 2, field: 'file' }]);
  });

  test('whose quote is never closed loses the row with the quote', async () => {
    await drop('imports/quote.csv', `${HEADER}"r-9,customer:quote,chat,,\n${rows('customer:quote', 5)}`);
    await deliver('imports/quote.csv');
    expect(await evidenceOf('customer:quote')).toHaveLength(5);
    expect(await errorsOf('quote')).toMatchObject([{ line: 2, rule: 'opens a quote that is never closed' }]);
  });

  test('of nothing but errors is listed whole, beyond what one part of an upload holds', async () => {
    const count = 40_000;
    await drop('imports/rubbish.ndjson', `{"requestId":"${'x y '.repeat(10)}"}\n`.repeat(count));
    await deliver('imports/rubbish.ndjson');
    expect(await getImport(deps.imports, 'rubbish')).toMatchObject({ status: 'finished-with-errors', refused: count });
    expect(await errorsOf('rubbish')).toHaveLength(count);
  });
});

describe('an import whose time runs out', () => {
  /** Enough time for `checks` looks at the clock, then too little. */
  const timeFor = (checks: number) => {
    let left = checks;
    return () => (left-- > 0 ? AMPLE_MS : 1_000);
  };

  test('goes on where it stopped, writes no row twice, and lists every error', async () => {
    const bad = 'r-x,nobody,chat,2026-11-20 08:00:00,1\n';
    await drop('imports/long.csv', HEADER + bad + rows('customer:long', 2_500) + bad);
    expect(await deliver('imports/long.csv', timeFor(1))).toEqual(['m-1']);
    expect(await getImport(deps.imports, 'long')).toMatchObject({
      status: 'running',
      linesRead: 1_000,
      recorded: 999,
      refused: 1,
    });
    expect(await errorsOf('long')).toBeUndefined();
    expect(await deliver('imports/long.csv', timeFor(1))).toEqual(['m-1']);
    expect(await getImport(deps.imports, 'long')).toMatchObject({ linesRead: 2_000, recorded: 1_999 });
    expect(await deliver('imports/long.csv')).toEqual([]);
    expect(await getImport(deps.imports, 'long')).toMatchObject({
      status: 'finished-with-errors',
      linesRead: 2_502,
      recorded: 2_500,
      duplicates: 0,
      refused: 2,
    });
    expect(await evidenceOf('customer:long')).toHaveLength(2_500);
    expect(await errorsOf('long')).toMatchObject([{ line: 2 }, { line: 2_503 }]);
  });

  test('comes to the same verdict on a time of use that has come meanwhile', async () => {
    const soon = 'r-soon,customer:soon,chat,2026-11-20T12:05:01Z,1\n';
    await drop('imports/soon.csv', HEADER + soon + rows('customer:soon', 1_500));
    await deliver('imports/soon.csv', timeFor(1));
    const later = { ...deps, now: () => '2026-11-20T13:00:00.000Z' };
    const context = { awsRequestId: 'later', getRemainingTimeInMillis: () => AMPLE_MS } as Context;
    const body = JSON.stringify({
      Records: [{ s3: { bucket: { name: DROP_ZONE }, object: { key: 'imports/soon.csv' } } }],
    });
    await makeHandler(later)({ Records: [{ messageId: 'm-1', body } as SQSRecord] }, context);
    expect(await getImport(deps.imports, 'soon')).toMatchObject({ linesRead: 1_501, recorded: 1_500, refused: 1 });
  });
});

describe('a message', () => {
  test('is delivered again while another attempt reads its file', async () => {
    await drop('imports/busy.csv', HEADER + rows('customer:busy', 1));
    await announce('busy');
    const { ETag = '' } = await deps.s3.send(new GetObjectCommand({ Bucket: DROP_ZONE, Key: 'imports/busy.csv' }));
    await claimImport(deps.imports, { id: 'busy', attempt: 'other', content: ETag, leaseMs: AMPLE_MS, now: NOW });
    expect(await deliver('imports/busy.csv')).toEqual(['m-1']);
    expect(await evidenceOf('customer:busy')).toHaveLength(0);
  });

  test.each(['imports/same.ndjson', 'imports/same.csv.gz'])(
    'about %s, whose name is that of another file, leaves the result of that one alone',
    async (key) => {
      await drop('imports/same.csv', `${HEADER}${rows('customer:same', 2)}r-x\n`);
      await deliver('imports/same.csv');
      const before = await getImport(deps.imports, 'same');
      const errors = await errorsOf('same');
      await drop(key, gzipSync(HEADER + rows('customer:same-again', 5)));
      expect(await deliver(key)).toEqual(['m-1']);
      expect(await getImport(deps.imports, 'same')).toEqual(before);
      expect(await errorsOf('same')).toEqual(errors);
      expect(await evidenceOf('customer:same-again')).toHaveLength(0);
    },
  );

  test.each(['imports/a b.csv', 'imports/x.xlsx', 'imports/deep/x.csv', 'imports/.csv'])(
    'about %s, which is no import, goes to where an operator sees it',
    async (key) => {
      await drop(key, 'x');
      expect(await deliver(key)).toEqual(['m-1']);
    },
  );

  test('about a file that is gone is delivered again', async () => {
    expect(await deliver('imports/gone.csv')).toEqual(['m-1']);
  });

  test('that S3 sends to try the queue is taken for what it is', async () => {
    expect(await deliverText(JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'b' }))).toEqual([]);
  });

  test('that is no notification is not swallowed', async () => {
    expect(await deliverText('hello')).toEqual(['m-1']);
  });
});
