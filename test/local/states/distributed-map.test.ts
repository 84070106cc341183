import { describe, expect, it } from 'vitest';
import { AwsError } from '../../../local/resources.ts';
import { distributed, onlyMapRun, onlyWork, services, work } from './distributed-harness.ts';
import { bench, lambdaAnswer, MACHINE_ARN, machine, ROLE_ARN, single, typesOf } from './harness.ts';

describe('a Distributed Map', () => {
  it('runs every item as an execution of its own and gives the outputs in order', async () => {
    const test = bench(services());
    const done = await test.run(single(distributed(onlyWork, { Items: [3, 1, 2] })));
    expect(done.output).toEqual([3, 1, 2]);
    expect(typesOf(done)).toEqual([
      'ExecutionStarted',
      'MapStateEntered',
      'MapStateStarted',
      'MapRunStarted',
      'MapRunSucceeded',
      'MapStateSucceeded',
      'MapStateExited',
      'ExecutionSucceeded',
    ]);
    const run = await onlyMapRun(test, done.arn);
    expect(run).toMatchObject({
      status: 'SUCCEEDED',
      executionArn: done.arn,
      itemCounts: { total: 3, succeeded: 3, pending: 0, running: 0 },
      executionCounts: { total: 3, succeeded: 3 },
    });
    expect(run.mapRunArn).toMatch(/^arn:aws:states:us-east-1:000000000000:mapRun:orders\/Only:[0-9a-f-]{36}$/);

    const { executions } = (await test.engine.handle('ListExecutions', { mapRunArn: run.mapRunArn })) as {
      executions: { executionArn: string; itemCount: number; mapRunArn: string }[];
    };
    expect(executions).toHaveLength(3);
    const child = executions[0]?.executionArn;
    expect(child).toMatch(/^arn:aws:states:us-east-1:000000000000:execution:orders\/Only:[0-9a-f-]{36}$/);
    expect(await test.engine.handle('DescribeExecution', { executionArn: child })).toMatchObject({
      status: 'SUCCEEDED',
      input: '2',
      output: '2',
      mapRunArn: run.mapRunArn,
      stateMachineArn: `${MACHINE_ARN}/Only`,
    });
    const { events } = (await test.engine.handle('GetExecutionHistory', { executionArn: child })) as { events: [] };
    expect(events).toHaveLength(7);
  });

  it('starts its children only if the role may start executions of the machine', async () => {
    const test = bench(async (call) => {
      if (call.service === 'states') throw new AwsError('AccessDeniedException', 'not authorized', 403);
      return lambdaAnswer(null);
    });
    const done = await test.run(single(distributed(work, { Items: [1] })));
    expect(done).toMatchObject({ status: 'FAILED', error: 'StepFunctions.AWSStepFunctionsException' });
    expect(test.calls).toEqual([
      {
        roleArn: ROLE_ARN,
        service: 'states',
        action: 'startExecution',
        input: { stateMachineArn: MACHINE_ARN, mapRunArn: expect.stringContaining(':mapRun:orders/Only:') },
        state: 'Only',
      },
    ]);
  });

  it("gives its children a context of their own and nothing of the parent's variables", async () => {
    const show = { Type: 'Pass', Output: '{% { "context": $states.context, "seen": $exists($outer) } %}' };
    const done = await bench(services()).run(
      machine({
        Start: { Type: 'Pass', Assign: { outer: 1 }, Next: 'Each' },
        Each: distributed(show, {
          Items: ['a'],
          ItemSelector: { v: '{% $states.context.Map.Item.Value & $outer %}' },
          End: true,
        }),
      }),
    );
    expect(done.output).toMatchObject([
      { seen: false, context: { Execution: { Input: { v: 'a1' } }, StateMachine: { Id: `${MACHINE_ARN}/Each` } } },
    ]);
  });

  it('runs no more children at once than MaxConcurrency', async () => {
    const waiting = distributed({ Type: 'Wait', Seconds: 10 }, { Items: [1, 2, 3], MaxConcurrency: 2 });
    expect((await bench(services()).run(single(waiting))).seconds).toBe(20);
  });

  it('runs 10,000 items', async () => {
    const done = await bench(services()).run(
      single(
        distributed(
          { Type: 'Pass', Output: '{% $states.input.n % 10 %}' },
          { Items: '{% $range(1, 10000, 1).{ "n": $ } %}', Output: '{% $sum($states.result) %}' },
        ),
      ),
    );
    expect(done).toMatchObject({ status: 'SUCCEEDED', output: 45_000 });
  });

  it('stops its children when its execution is stopped', async () => {
    const test = bench((call) => (call.service === 'states' ? Promise.resolve({}) : new Promise(() => undefined)));
    test.register(single(distributed(work, { Items: [1, 2, 3], MaxConcurrency: 2 })));
    const executionArn = await test.start();
    await expect.poll(() => test.calls.length).toBe(4);
    await test.engine.handle('StopExecution', { executionArn });
    expect(await onlyMapRun(test, executionArn)).toMatchObject({
      status: 'ABORTED',
      executionCounts: { total: 3, aborted: 3, running: 0, pending: 0 },
    });
  });

  it('keeps no history of express children, as AWS', async () => {
    const test = bench(services());
    const done = await test.run(single(distributed(work, { Items: [1] }, 'EXPRESS')));
    const { mapRunArn } = await onlyMapRun(test, done.arn);
    const { executions } = (await test.engine.handle('ListExecutions', { mapRunArn })) as {
      executions: { executionArn: string }[];
    };
    const executionArn = executions[0]?.executionArn;
    await expect(test.engine.handle('GetExecutionHistory', { executionArn })).rejects.toMatchObject({
      name: 'InvalidArn',
    });
  });
});

describe('tolerated failures', () => {
  const items = { Items: [1, 2, 3, 4] };

  it('are none when the state says nothing: the rest is stopped and the run fails', async () => {
    const test = bench(services({}, [2]));
    const done = await test.run(single(distributed(work, { ...items, MaxConcurrency: 1 })));
    expect(done).toMatchObject({
      status: 'FAILED',
      error: 'States.ExceedToleratedFailureThreshold',
      cause: 'The specified tolerated failure threshold was exceeded',
    });
    expect(typesOf(done)).toEqual(expect.arrayContaining(['MapRunFailed', 'MapStateFailed']));
    expect(await onlyMapRun(test, done.arn)).toMatchObject({
      status: 'FAILED',
      executionCounts: { succeeded: 1, failed: 1, aborted: 2 },
    });
  });

  it('by count may be as many, and no more', async () => {
    const run = (failing: unknown[]) =>
      bench(services({}, failing)).run(single(distributed(onlyWork, { ...items, ToleratedFailureCount: 1 })));
    const done = await run([2]);
    expect(done.status).toBe('SUCCEEDED');
    expect(done.output).toMatchObject([1, { Status: 'FAILED', Error: 'Bad', Input: '2' }, 3, 4]);
    expect((await run([2, 3])).error).toBe('States.ExceedToleratedFailureThreshold');
  });

  it('by percentage are counted in items', async () => {
    const run = (percentage: unknown) =>
      bench(services({}, [2])).run(single(distributed(work, { ...items, ToleratedFailurePercentage: percentage })));
    expect((await run(25)).status).toBe('SUCCEEDED');
    expect((await run('{% 24 %}')).error).toBe('States.ExceedToleratedFailureThreshold');
  });

  it('can be caught when exceeded', async () => {
    const done = await bench(services({}, [2])).run(
      machine({
        Each: distributed(work, { ...items, Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Caught' }], End: true }),
        Caught: { Type: 'Pass', Output: '{% $states.input.Error %}', End: true },
      }),
    );
    expect(done.output).toBe('States.ExceedToleratedFailureThreshold');
  });
});
