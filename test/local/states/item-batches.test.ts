import { describe, expect, it } from 'vitest';
import { distributed, onlyMapRun, services, work } from './distributed-harness.ts';
import { bench, lambdaError, single } from './harness.ts';

describe('ItemBatcher', () => {
  const batching = (ItemBatcher: object, Items: unknown) =>
    bench(services()).run(single(distributed({ Type: 'Pass' }, { ItemBatcher, Items })));

  it('gives a child as many items as MaxItemsPerBatch, with the BatchInput', async () => {
    const { output } = await batching({ MaxItemsPerBatch: 2, BatchInput: { run: '{% $string(7) %}' } }, [1, 2, 3]);
    expect(output).toEqual([
      { BatchInput: { run: '7' }, Items: [1, 2] },
      { BatchInput: { run: '7' }, Items: [3] },
    ]);
  });

  it('gives a child no more bytes than MaxInputBytesPerBatch', async () => {
    const { output } = await batching({ MaxInputBytesPerBatch: 40 }, ['0123456789', '0123456789', '0123456789']);
    expect(output).toEqual([{ Items: ['0123456789', '0123456789'] }, { Items: ['0123456789'] }]);
    for (const batch of output as unknown[]) expect(JSON.stringify(batch).length).toBeLessThanOrEqual(40);
  });

  it('fails when a single item does not fit', async () => {
    expect((await batching({ MaxInputBytesPerBatch: 20 }, ['0123456789'])).error).toBe('States.DataLimitExceeded');
  });

  it('counts the items of a failed batch as failed', async () => {
    const test = bench(async (call) => (call.service === 'states' ? {} : lambdaError('Bad')));
    const done = await test.run(
      single(distributed(work, { Items: [1, 2, 3], ItemBatcher: { MaxItemsPerBatch: 3 }, ToleratedFailureCount: 2 })),
    );
    expect(done.error).toBe('States.ExceedToleratedFailureThreshold');
    expect(await onlyMapRun(test, done.arn)).toMatchObject({
      itemCounts: { failed: 3 },
      executionCounts: { failed: 1 },
    });
  });
});
