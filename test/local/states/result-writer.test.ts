import { describe, expect, it } from 'vitest';
import { AwsError } from '../../../local/resources.ts';
import { distributed, onlyWork, services, work } from './distributed-harness.ts';
import { type Bench, bench, single } from './harness.ts';

const WRITE = 'arn:aws:states:::s3:putObject';

describe('ResultWriter', () => {
  const writing = (more: object) => ({ Resource: WRITE, Arguments: { Bucket: 'out', Prefix: 'runs' }, ...more });
  const writes = ({ calls }: Bench) =>
    calls
      .filter(({ action }) => action === 'putObject')
      .map(({ input }) => input as { Bucket: string; Key: string; Body: string });

  it('writes the children by status and a manifest, whose place is the result', async () => {
    const test = bench(services({}, [2]));
    const { output } = await test.run(
      single(distributed(onlyWork, { Items: [1, 2], ToleratedFailureCount: 1, ResultWriter: writing({}) })),
    );
    const [succeeded, failed, manifest] = writes(test);
    const folder = manifest?.Key.replace('/manifest.json', '') ?? '';
    expect(folder).toMatch(/^runs\/[0-9a-f-]{36}$/);
    expect(output).toEqual({
      MapRunArn: expect.stringContaining(':mapRun:orders/Only:'),
      ResultWriterDetails: { Bucket: 'out', Key: `${folder}/manifest.json` },
    });
    expect(JSON.parse(succeeded?.Body ?? '')).toMatchObject([{ Input: '1', Output: '1', Status: 'SUCCEEDED' }]);
    expect(JSON.parse(failed?.Body ?? '')).toMatchObject([{ Input: '2', Error: 'Bad', Status: 'FAILED' }]);
    expect(JSON.parse(manifest?.Body ?? '')).toMatchObject({
      DestinationBucket: 'out',
      ResultFiles: {
        PENDING: [],
        SUCCEEDED: [{ Key: `${folder}/SUCCEEDED_0.json`, Size: succeeded?.Body.length }],
        FAILED: [{ Key: `${folder}/FAILED_0.json` }],
      },
    });
  });

  it('writes outputs alone as JSON lines when its WriterConfig says so', async () => {
    const test = bench(services());
    const WriterConfig = { Transformation: 'FLATTEN', OutputType: 'JSONL' };
    await test.run(single(distributed(onlyWork, { Items: [[1, 2], [3]], ResultWriter: writing({ WriterConfig }) })));
    expect(writes(test)[0]).toMatchObject({ Key: expect.stringMatching(/SUCCEEDED_0\.jsonl$/), Body: '1\n2\n3' });
  });

  it('fails with States.ResultWriterFailed when S3 refuses', async () => {
    const test = bench(async (call) => {
      if (call.action === 'putObject') throw new AwsError('AccessDenied', 'no', 403);
      return services()(call);
    });
    const done = await test.run(single(distributed(work, { Items: [1], ResultWriter: writing({}) })));
    expect(done).toMatchObject({ status: 'FAILED', error: 'States.ResultWriterFailed' });
  });
});
