import { describe, expect, it } from 'vitest';
import { bench, lambdaAnswer, lambdaError, single, task, typesOf } from './harness.ts';

const processor = (state: object) => ({ StartAt: 'Item', States: { Item: { ...state, End: true } } });

describe('an inline Map', () => {
  it('runs its flow for every item and gives the outputs in order', async () => {
    const done = await bench().run(
      single({
        Type: 'Map',
        Items: '{% $states.input.ns %}',
        ItemProcessor: processor({ Type: 'Pass', Output: '{% $states.input * 2 %}' }),
      }),
      { ns: [1, 2, 3] },
    );
    expect(done.output).toEqual([2, 4, 6]);
    expect(typesOf(done).filter((type) => type.startsWith('Map'))).toEqual([
      'MapStateEntered',
      'MapStateStarted',
      ...['MapIterationStarted', 'MapIterationStarted', 'MapIterationStarted'],
      ...['MapIterationSucceeded', 'MapIterationSucceeded', 'MapIterationSucceeded'],
      'MapStateSucceeded',
      'MapStateExited',
    ]);
  });

  it('takes its input when it has no Items', async () => {
    const definition = single({ Type: 'Map', ItemProcessor: processor({ Type: 'Pass' }) });
    expect((await bench().run(definition, ['a'])).output).toEqual(['a']);
    expect((await bench().run(definition, [])).output).toEqual([]);
    expect(await bench().run(definition, { a: 1 })).toMatchObject({ error: 'States.QueryEvaluationError' });
  });

  it('makes the input of each item by its ItemSelector, from its index, its value and the input of the Map', async () => {
    const done = await bench().run(
      single({
        Type: 'Map',
        Items: ['a', 'b'],
        ItemSelector: {
          index: '{% $states.context.Map.Item.Index %}',
          value: '{% $states.context.Map.Item.Value %}',
          run: '{% $states.input.run %}',
        },
        ItemProcessor: processor({
          Type: 'Pass',
          Output: '{% $merge([$states.input, { "seen": $states.context.Map.Item.Index }]) %}',
        }),
      }),
      { run: 'r' },
    );
    expect(done.output).toEqual([
      { index: 0, value: 'a', run: 'r', seen: 0 },
      { index: 1, value: 'b', run: 'r', seen: 1 },
    ]);
  });

  it('runs no more items at once than MaxConcurrency', async () => {
    const done = await bench().run(
      single({
        Type: 'Map',
        Items: [1, 2, 3, 4, 5],
        MaxConcurrency: 2,
        ItemProcessor: processor({ Type: 'Wait', Seconds: 10 }),
      }),
    );
    expect(done.seconds).toBe(30);
  });

  it('runs 40 items at once when it says nothing else', async () => {
    const done = await bench().run(
      single({ Type: 'Map', Items: '{% $range(1, 41, 1) %}', ItemProcessor: processor({ Type: 'Wait', Seconds: 10 }) }),
    );
    expect(done.seconds).toBe(20);
  });

  it('fails with the error of the first item that fails, and begins no other', async () => {
    const test = bench(async ({ input }) => (input.Payload === 2 ? lambdaError('Bad') : lambdaAnswer(null)));
    const done = await test.run(
      single({
        Type: 'Map',
        Items: [1, 2, 3],
        MaxConcurrency: 1,
        ItemProcessor: processor(task({ Arguments: { FunctionName: 'work', Payload: '{% $states.input %}' } })),
      }),
    );
    expect(done).toMatchObject({ status: 'FAILED', error: 'Bad' });
    expect(test.calls).toHaveLength(2);
    expect(typesOf(done)).toEqual(expect.arrayContaining(['MapIterationFailed', 'MapStateFailed']));
  });

  it('fails when it would have more events than AWS keeps', async () => {
    const done = await bench().run(
      single({ Type: 'Map', Items: '{% $range(1, 7000, 1) %}', ItemProcessor: processor({ Type: 'Pass' }) }),
    );
    expect(done).toMatchObject({ status: 'FAILED', error: 'States.Runtime' });
    expect(done.events).toHaveLength(25_000);
  });
});
