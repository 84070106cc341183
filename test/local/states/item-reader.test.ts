import { describe, expect, it } from 'vitest';
import { AwsError } from '../../../local/resources.ts';
import { distributed, services } from './distributed-harness.ts';
import { bench, single } from './harness.ts';

const READ = 'arn:aws:states:::s3:getObject';

describe('ItemReader', () => {
  const reading = (ReaderConfig: object, more: object = {}) =>
    single(
      distributed(
        { Type: 'Pass' },
        {
          ItemReader: { Resource: READ, Arguments: { Bucket: 'b', Key: '{% $states.input.key %}' }, ReaderConfig },
          ...more,
        },
      ),
    );

  it.each([
    ['JSON', { InputType: 'JSON' }, '[{"n":1},{"n":2}]', [{ n: 1 }, { n: 2 }]],
    ['JSON lines', { InputType: 'JSONL' }, '{"n":1}\n{"n":2}\n', [{ n: 1 }, { n: 2 }]],
    [
      'CSV with headers',
      { InputType: 'CSV', CSVHeaderLocation: 'FIRST_ROW' },
      'n,t\n1,"a,b"\n',
      [{ n: '1', t: 'a,b' }],
    ],
    [
      'CSV with given headers and another delimiter',
      { InputType: 'CSV', CSVHeaderLocation: 'GIVEN', CSVHeaders: ['n', 't'], CSVDelimiter: 'PIPE' },
      '1|a\n2|b',
      [
        { n: '1', t: 'a' },
        { n: '2', t: 'b' },
      ],
    ],
    ['no more than MaxItems', { InputType: 'JSON', MaxItems: 1 }, '[1,2]', [1]],
  ])('reads %s from S3', async (_, config, body, expected) => {
    const test = bench(services({ 'in/items': body }));
    expect((await test.run(reading(config), { key: 'in/items' })).output).toEqual(expected);
    expect(test.calls[0]).toMatchObject({
      service: 's3',
      action: 'getObject',
      input: { Bucket: 'b', Key: 'in/items' },
    });
  });

  it('reads bytes and streams as well as text', async () => {
    for (const Body of [Buffer.from('[1]'), { transformToString: async () => '[1]' }]) {
      const test = bench(async ({ action }) => (action === 'getObject' ? { Body } : {}));
      expect((await test.run(reading({ InputType: 'JSON' }), { key: 'k' })).output).toEqual([1]);
    }
  });

  it('lists the objects under a prefix, page by page', async () => {
    const test = bench(async ({ action, input }) => {
      if (action !== 'listObjectsV2') return {};
      return input.ContinuationToken === undefined
        ? { Contents: [{ Key: 'a' }], NextContinuationToken: 't' }
        : { Contents: [{ Key: 'b' }] };
    });
    const done = await test.run(
      single(
        distributed(
          { Type: 'Pass' },
          {
            ItemReader: { Resource: 'arn:aws:states:::s3:listObjectsV2', Arguments: { Bucket: 'b', Prefix: 'p' } },
          },
        ),
      ),
    );
    expect(done.output).toEqual([{ Key: 'a' }, { Key: 'b' }]);
  });

  it('fails with States.ItemReaderFailed when S3 refuses or the object is not what it should be', async () => {
    const refused = await bench(() => Promise.reject(new AwsError('NoSuchKey', 'no such key', 404))).run(
      reading({ InputType: 'JSON' }),
      { key: 'k' },
    );
    expect(refused).toMatchObject({ status: 'FAILED', error: 'States.ItemReaderFailed' });
    expect(refused.cause).toContain('NoSuchKey');
    const broken = await bench(services({ k: '{"a":1}' })).run(reading({ InputType: 'JSON' }), { key: 'k' });
    expect(broken).toMatchObject({
      error: 'States.ItemReaderFailed',
      cause: expect.stringContaining('b/k is not JSON'),
    });
  });
});
