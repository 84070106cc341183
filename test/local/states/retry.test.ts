import { describe, expect, it } from 'vitest';
import { covers } from '../../../local/states/failure.ts';
import { bench, lambdaAnswer, lambdaError, machine, single, task } from './harness.ts';

/** A service that fails so often before it succeeds. */
function failing(...errors: string[]) {
  const left = [...errors];
  return async () => {
    const error = left.shift();
    return error === undefined ? lambdaAnswer('ok') : lambdaError(error);
  };
}

describe('Retry', () => {
  it('waits longer before every attempt, up to MaxDelaySeconds', async () => {
    const Retry = [{ ErrorEquals: ['Busy'], IntervalSeconds: 2, BackoffRate: 3, MaxAttempts: 4, MaxDelaySeconds: 10 }];
    const done = await bench(failing('Busy', 'Busy', 'Busy', 'Busy')).run(single(task({ Retry })));
    expect(done).toMatchObject({ status: 'SUCCEEDED', seconds: 2 + 6 + 10 + 10 });
  });

  it('tries three times more after 1, 2 and 4 seconds when it says nothing else', async () => {
    const test = bench(failing('Busy', 'Busy', 'Busy', 'Busy'));
    const done = await test.run(single(task({ Retry: [{ ErrorEquals: ['Busy'] }] })));
    expect(done).toMatchObject({ status: 'FAILED', error: 'Busy', seconds: 7 });
    expect(test.calls).toHaveLength(4);
  });

  it('with JitterStrategy FULL waits a random part of the delay', async () => {
    const Retry = [{ ErrorEquals: ['Busy'], IntervalSeconds: 8, JitterStrategy: 'FULL' }];
    const done = await bench(failing('Busy'), () => 0.25).run(single(task({ Retry })));
    expect(done.seconds).toBe(2);
  });

  it('counts the attempts of each retrier by itself', async () => {
    const Retry = [
      { ErrorEquals: ['A'], MaxAttempts: 1, IntervalSeconds: 1 },
      { ErrorEquals: ['B'], MaxAttempts: 1, IntervalSeconds: 5 },
    ];
    expect(await bench(failing('A', 'B')).run(single(task({ Retry })))).toMatchObject({
      status: 'SUCCEEDED',
      seconds: 6,
    });
    expect(await bench(failing('A', 'B', 'A')).run(single(task({ Retry })))).toMatchObject({ status: 'FAILED' });
  });

  it('with MaxAttempts 0 never retries, whatever a later retrier says', async () => {
    const Retry = [{ ErrorEquals: ['Final'], MaxAttempts: 0 }, { ErrorEquals: ['States.ALL'] }];
    const test = bench(failing('Final'));
    expect(await test.run(single(task({ Retry })))).toMatchObject({ status: 'FAILED', error: 'Final' });
    expect(test.calls).toHaveLength(1);
  });

  it('is tried before Catch', async () => {
    const states = {
      Work: task({
        Retry: [{ ErrorEquals: ['Busy'], MaxAttempts: 1 }],
        Catch: [{ ErrorEquals: ['Busy'], Next: 'Caught' }],
        Next: 'Done',
      }),
      Done: { Type: 'Succeed', Output: '{% "done" %}' },
      Caught: { Type: 'Succeed', Output: '{% "caught" %}' },
    };
    expect((await bench(failing('Busy')).run(machine(states))).output).toBe('done');
    expect((await bench(failing('Busy', 'Busy')).run(machine(states))).output).toBe('caught');
  });
});

describe('Catch', () => {
  const caught = (catcher: object, more: object = {}) =>
    machine({
      Work: task({ Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Caught', ...catcher }], Next: 'Caught', ...more }),
      Caught: { Type: 'Pass', End: true },
    });

  it('hands on the error and its cause when it has no Output', async () => {
    const { output } = await bench(failing('Broken')).run(caught({}));
    expect(output).toEqual({ Error: 'Broken', Cause: '{"errorType":"Broken","errorMessage":"it failed"}' });
  });

  it('evaluates its Output and Assign over $states.errorOutput and the input', async () => {
    const definition = machine({
      Work: task({
        Catch: [
          {
            ErrorEquals: ['Broken'],
            Next: 'Caught',
            Assign: { why: '{% $states.errorOutput.Error %}' },
            Output: { id: '{% $states.input.id %}', cause: '{% $parse($states.errorOutput.Cause).errorMessage %}' },
          },
        ],
        End: true,
      }),
      Caught: { Type: 'Pass', Output: '{% $merge([$states.input, { "why": $why }]) %}', End: true },
    });
    const { output } = await bench(failing('Broken')).run(definition, { id: 7 });
    expect(output).toEqual({ id: 7, cause: 'it failed', why: 'Broken' });
  });

  it('catches an expression of its own state that fails', async () => {
    const { output } = await bench().run(caught({}, { Output: '{% $states.result.absent %}' }));
    expect(output).toMatchObject({ Error: 'States.QueryEvaluationError' });
  });

  it('does not catch what fails in its own Output', async () => {
    const done = await bench(failing('Broken')).run(caught({ Output: '{% $absent %}' }));
    expect(done).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError' });
  });

  it('with States.ALL does not catch States.DataLimitExceeded, by its name it does', async () => {
    const large = async () => lambdaAnswer('x'.repeat(262_144));
    expect((await bench(large).run(caught({}))).error).toBe('States.DataLimitExceeded');
    const byName = caught({ ErrorEquals: ['States.DataLimitExceeded'] });
    expect(await bench(large).run(byName)).toMatchObject({ status: 'SUCCEEDED' });
  });
});

describe('an ErrorEquals', () => {
  it.each([
    [['States.ALL'], 'Anything', true],
    [['States.ALL'], 'States.Timeout', true],
    [['States.ALL'], undefined, true],
    [['States.ALL'], 'States.Runtime', false],
    [['States.Runtime'], 'States.Runtime', false],
    [['States.ALL'], 'States.DataLimitExceeded', false],
    [['States.DataLimitExceeded'], 'States.DataLimitExceeded', true],
    [['States.TaskFailed'], 'Anything', true],
    [['States.TaskFailed'], 'States.Timeout', false],
    [['States.TaskFailed'], 'States.HeartbeatTimeout', false],
    [['States.Timeout'], 'States.HeartbeatTimeout', true],
    [['States.HeartbeatTimeout'], 'States.Timeout', false],
    [['Other'], 'Anything', false],
  ])('%s for the error %s: %s', (errorEquals, error, expected) => {
    expect(covers(errorEquals, error)).toBe(expected);
  });
});
