import { describe, expect, it } from 'vitest';
import { bench, lambdaAnswer, lambdaError, machine, single, task, typesOf } from './harness.ts';

const branch = (name: string, state: object) => ({ StartAt: name, States: { [name]: { ...state, End: true } } });

describe('Parallel', () => {
  it('gives the outputs of its branches in their order, each having had the same input', async () => {
    const done = await bench().run(
      single({
        Type: 'Parallel',
        Arguments: { n: '{% $states.input.n + 1 %}' },
        Branches: [
          branch('Slow', { Type: 'Wait', Seconds: 60 }),
          branch('Quick', { Type: 'Pass', Output: '{% $states.input.n * 10 %}' }),
        ],
      }),
      { n: 1 },
    );
    expect(done).toMatchObject({ output: [{ n: 2 }, 20], seconds: 60 });
    expect(typesOf(done)).toContain('ParallelStateSucceeded');
  });

  it('stops the other branches when one fails, and fails with its error', async () => {
    const test = bench(async () => lambdaError('Broken'));
    const done = await test.run(
      single({
        Type: 'Parallel',
        Branches: [branch('Slow', { Type: 'Wait', Seconds: 3600 }), branch('Bad', task())],
      }),
    );
    expect(done).toMatchObject({ status: 'FAILED', error: 'Broken', seconds: 0 });
    expect(typesOf(done)).toEqual(expect.arrayContaining(['WaitStateAborted', 'ParallelStateFailed']));
  });

  it('can be retried as a whole and caught', async () => {
    let calls = 0;
    const test = bench(async () => {
      calls += 1;
      return calls === 2 ? lambdaAnswer('ok') : lambdaError('Broken');
    });
    const definition = machine({
      Both: {
        Type: 'Parallel',
        Branches: [branch('Work', task({ Output: '{% $states.result.Payload %}' }))],
        Retry: [{ ErrorEquals: ['Broken'], MaxAttempts: 1 }],
        Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Caught' }],
        End: true,
      },
      Caught: { Type: 'Pass', End: true },
    });
    expect((await test.run(definition)).output).toEqual(['ok']);
    expect((await test.run(definition)).output).toMatchObject({ Error: 'Broken' });
  });

  it('names for every event the event that led to it', async () => {
    const { events } = await bench().run(
      single({ Type: 'Parallel', Branches: [branch('A', { Type: 'Pass' }), branch('B', { Type: 'Pass' })] }),
    );
    const started = events.find(({ type }) => type === 'ParallelStateStarted');
    const entered = events.filter(({ type }) => type === 'PassStateEntered');
    expect(entered.map(({ previousEventId }) => previousEventId)).toEqual([started?.id, started?.id]);
    expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => index + 1));
  });
});
