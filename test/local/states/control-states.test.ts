import { describe, expect, it } from 'vitest';
import { bench, evaluate, machine, single, typesOf } from './harness.ts';

const choice = machine({
  Size: {
    Type: 'Choice',
    Choices: [
      { Condition: '{% $states.input.n > 10 %}', Next: 'End', Output: '{% "big" %}', Assign: { size: 'big' } },
      { Condition: '{% $states.input.n > 5 %}', Next: 'End' },
    ],
    Default: 'End',
    Output: '{% "small" %}',
  },
  End: { Type: 'Succeed' },
});

describe('Choice', () => {
  it('follows the first rule that holds, with the Output of that rule', async () => {
    expect((await bench().run(choice, { n: 11 })).output).toBe('big');
  });

  it('hands on its input when the rule that holds has no Output', async () => {
    expect((await bench().run(choice, { n: 6 })).output).toEqual({ n: 6 });
  });

  it('goes to its Default with its own Output when no rule holds', async () => {
    expect((await bench().run(choice, { n: 1 })).output).toBe('small');
  });

  it('fails with States.NoChoiceMatched when no rule holds and there is no Default', async () => {
    const definition = machine({
      Size: { Type: 'Choice', Choices: [{ Condition: '{% false %}', Next: 'End' }] },
      End: { Type: 'Succeed' },
    });
    expect(await bench().run(definition)).toMatchObject({ status: 'FAILED', error: 'States.NoChoiceMatched' });
  });

  it('fails with a query error when a condition is not a boolean', async () => {
    const definition = machine({
      Size: { Type: 'Choice', Choices: [{ Condition: '{% 1 %}', Next: 'End' }], Default: 'End' },
      End: { Type: 'Succeed' },
    });
    expect(await bench().run(definition)).toMatchObject({ error: 'States.QueryEvaluationError' });
  });
});

describe('Wait', () => {
  it('waits as many seconds as its expression says', async () => {
    const done = await bench().run(single({ Type: 'Wait', Seconds: '{% $states.input.s * 60 %}' }), { s: 60 });
    expect(done).toMatchObject({ status: 'SUCCEEDED', seconds: 3600, output: { s: 60 } });
  });

  it('waits until a time, and not at all for one that is past', async () => {
    const until = { Type: 'Wait', Timestamp: '{% $states.input.at %}' };
    expect((await bench().run(single(until), { at: '2026-11-20T02:10:00Z' })).seconds).toBe(600);
    expect((await bench().run(single(until), { at: '2020-01-01T00:00:00Z' })).seconds).toBe(0);
  });

  it('fails with a query error for seconds below 0', async () => {
    const done = await bench().run(single({ Type: 'Wait', Seconds: '{% -1 %}' }));
    expect(done).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError' });
  });
});

describe('Pass, Succeed and Fail', () => {
  it('Pass hands on its input when it has no Output', async () => {
    expect((await bench().run(single({ Type: 'Pass' }), { a: 1 })).output).toEqual({ a: 1 });
  });

  it('Succeed ends the machine with its Output', async () => {
    const done = await bench().run(machine({ Done: { Type: 'Succeed', Output: { n: '{% 1 %}' } } }));
    expect(done).toMatchObject({ status: 'SUCCEEDED', output: { n: 1 } });
    expect(typesOf(done)).toEqual([
      'ExecutionStarted',
      'SucceedStateEntered',
      'SucceedStateExited',
      'ExecutionSucceeded',
    ]);
  });

  it('Fail ends it with an evaluated Error and Cause', async () => {
    const done = await bench().run(
      machine({ Stop: { Type: 'Fail', Error: '{% "Too" & "Late" %}', Cause: '{% $states.input.why %}' } }),
      { why: 'closed' },
    );
    expect(done).toMatchObject({ status: 'FAILED', error: 'TooLate', cause: 'closed' });
    expect(typesOf(done)).toEqual(['ExecutionStarted', 'FailStateEntered', 'ExecutionFailed']);
  });

  it('an output of more than 256 KiB fails with States.DataLimitExceeded', async () => {
    expect(await evaluate('$join($range(1, 30000, 1).("0123456789"))')).toMatchObject({
      status: 'FAILED',
      error: 'States.DataLimitExceeded',
    });
  });
});
