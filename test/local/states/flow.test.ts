import { describe, expect, it } from 'vitest';
import { bench, lambdaAnswer, lambdaError, MACHINE_ARN, machine, ROLE_ARN, single, task } from './harness.ts';

describe('variables', () => {
  it('are set after Output has been evaluated with their old values', async () => {
    const { output } = await bench().run(
      machine({
        First: { Type: 'Pass', Assign: { n: 1 }, Next: 'Second' },
        Second: { Type: 'Pass', Assign: { n: '{% $n + 1 %}', before: '{% $n %}' }, Output: '{% $n %}', Next: 'Third' },
        Third: { Type: 'Pass', Output: '{% { "out": $states.input, "n": $n, "before": $before } %}', End: true },
      }),
    );
    expect(output).toEqual({ out: 1, n: 2, before: 1 });
  });

  it('can be read inside Map and Parallel, where what is assigned stays', async () => {
    const inner = {
      StartAt: 'Set',
      States: {
        Set: { Type: 'Pass', Assign: { mine: '{% $outer & "!" %}' }, Next: 'Show' },
        Show: { Type: 'Pass', Output: '{% $mine %}', End: true },
      },
    };
    const named = (name: string) => ({
      StartAt: `Set${name}`,
      States: {
        [`Set${name}`]: { ...inner.States.Set, Next: `Show${name}` },
        [`Show${name}`]: inner.States.Show,
      },
    });
    const { output } = await bench().run(
      machine({
        Start: { Type: 'Pass', Assign: { outer: 'o' }, Next: 'Side by side' },
        'Side by side': {
          Type: 'Parallel',
          Branches: [named('A'), named('B')],
          Next: 'Each',
          Output: { p: '{% $states.result %}' },
        },
        Each: {
          Type: 'Map',
          Items: [1],
          ItemProcessor: inner,
          Output: '{% $merge([$states.input, { "m": $states.result }]) %}',
          Next: 'After',
        },
        After: { Type: 'Pass', Output: '{% $merge([$states.input, { "seen": $exists($mine) }]) %}', End: true },
      }),
    );
    expect(output).toEqual({ p: ['o!', 'o!'], m: ['o!'], seen: false });
  });

  it('appear in the history as the state that set them is left', async () => {
    const { events } = await bench().run(single({ Type: 'Pass', Assign: { n: [1] } }));
    const exited = events.find(({ type }) => type === 'PassStateExited');
    expect(exited?.stateExitedEventDetails).toMatchObject({ name: 'Only', assignedVariables: { n: '[1]' } });
  });
});

describe('the context object', () => {
  it('tells of the execution, the machine and the state', async () => {
    const test = bench();
    test.register(single({ Type: 'Pass', Output: '{% $states.context %}' }));
    const { output, arn } = await test.ended(await test.start({ a: 1 }, 'run-1'));
    expect(output).toEqual({
      Execution: {
        Id: arn,
        Input: { a: 1 },
        Name: 'run-1',
        RoleArn: ROLE_ARN,
        StartTime: '2026-11-20T02:00:00.000Z',
        RedriveCount: 0,
      },
      StateMachine: { Id: MACHINE_ARN, Name: 'orders' },
      State: { EnteredTime: '2026-11-20T02:00:00.000Z', Name: 'Only', RetryCount: 0 },
    });
  });

  it('counts retries', async () => {
    const counts: unknown[] = [];
    const test = bench(async (call) => {
      counts.push(call.input.Payload);
      return counts.length < 3 ? lambdaError('Busy') : lambdaAnswer('ok');
    });
    await test.run(
      single(
        task({
          Arguments: { FunctionName: 'work', Payload: '{% $states.context.State.RetryCount %}' },
          Retry: [{ ErrorEquals: ['Busy'] }],
        }),
      ),
    );
    expect(counts).toEqual([0, 1, 2]);
  });
});

describe('a machine', () => {
  it('ends as TIMED_OUT when it takes longer than its TimeoutSeconds', async () => {
    const done = await bench().run(
      machine({ Long: { Type: 'Wait', Seconds: 100, End: true } }, { TimeoutSeconds: 10 }),
    );
    expect(done).toMatchObject({ status: 'TIMED_OUT', error: 'States.Timeout', seconds: 10 });
    expect(done.events.map(({ type }) => type)).toEqual([
      'ExecutionStarted',
      'WaitStateEntered',
      'WaitStateAborted',
      'ExecutionTimedOut',
    ]);
  });

  it('does not catch its own timeout with States.ALL', async () => {
    const test = bench(() => new Promise(() => undefined));
    const done = await test.run(
      machine(
        {
          Work: task({ Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Caught' }], Next: 'Caught' }),
          Caught: { Type: 'Succeed' },
        },
        { TimeoutSeconds: 10 },
      ),
    );
    expect(done.status).toBe('TIMED_OUT');
  });
});
