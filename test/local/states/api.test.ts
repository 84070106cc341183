import { describe, expect, it } from 'vitest';
import { AwsError } from '../../../local/resources.ts';
import { bench, lambdaAnswer, lambdaError, MACHINE_ARN, machine, ROLE_ARN, START, single, task } from './harness.ts';

const never = () => new Promise<never>(() => undefined);
const seconds = START.getTime() / 1000;
const pass = single({ Type: 'Pass' });

async function refusal(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AwsError);
  return error instanceof AwsError ? error.name : '';
}

describe('StartExecution', () => {
  it('names the execution itself when no name is given', async () => {
    const test = bench();
    test.register(pass);
    expect(await test.engine.handle('StartExecution', { stateMachineArn: MACHINE_ARN })).toEqual({
      executionArn: expect.stringMatching(/^arn:aws:states:us-east-1:000000000000:execution:orders:[0-9a-f-]{36}$/),
      startDate: seconds,
    });
  });

  it('gives the running execution again for the same name and input', async () => {
    const test = bench(never);
    test.register(single(task()));
    const first = await test.start({ a: 1 }, 'daily-1');
    expect(await test.start({ a: 1 }, 'daily-1')).toBe(first);
    expect(test.calls).toHaveLength(1);
  });

  it('refuses the same name with another input, or once the execution has ended', async () => {
    const test = bench(never);
    test.register(single(task()));
    const executionArn = await test.start({ a: 1 }, 'daily-1');
    expect(await refusal(test.start({ a: 2 }, 'daily-1'))).toBe('ExecutionAlreadyExists');
    await test.engine.handle('StopExecution', { executionArn });
    expect(await refusal(test.start({ a: 1 }, 'daily-1'))).toBe('ExecutionAlreadyExists');
  });

  it.each([
    [{}, 'ValidationException'],
    [{ stateMachineArn: 'orders' }, 'InvalidArn'],
    [{ stateMachineArn: `${MACHINE_ARN}2` }, 'StateMachineDoesNotExist'],
    [{ stateMachineArn: MACHINE_ARN, name: 'a b' }, 'InvalidName'],
    [{ stateMachineArn: MACHINE_ARN, name: 'n'.repeat(81) }, 'InvalidName'],
    [{ stateMachineArn: MACHINE_ARN, input: '{' }, 'InvalidExecutionInput'],
    [{ stateMachineArn: MACHINE_ARN, input: JSON.stringify('x'.repeat(262_144)) }, 'ValidationException'],
  ])('refuses %j with %s', async (request, code) => {
    const test = bench();
    test.register(pass);
    expect(await refusal(test.engine.handle('StartExecution', request))).toBe(code);
  });
});

describe('DescribeExecution and StopExecution', () => {
  it('tell how an execution ended', async () => {
    const test = bench();
    const { arn } = await test.run(pass, { a: 1 });
    expect(await test.engine.handle('DescribeExecution', { executionArn: arn })).toMatchObject({
      executionArn: arn,
      stateMachineArn: MACHINE_ARN,
      status: 'SUCCEEDED',
      startDate: seconds,
      stopDate: seconds,
      input: '{"a":1}',
      output: '{"a":1}',
    });
  });

  it('stop a running execution with an error and a cause', async () => {
    const test = bench(never);
    test.register(single(task({ Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Only' }] })));
    const executionArn = await test.start();
    const request = { executionArn, error: 'Cancelled', cause: 'by the owner' };
    expect(await test.engine.handle('StopExecution', request)).toEqual({ stopDate: seconds });
    expect(await test.ended(executionArn)).toMatchObject({
      status: 'ABORTED',
      error: 'Cancelled',
      cause: 'by the owner',
      events: expect.arrayContaining([
        expect.objectContaining({
          type: 'ExecutionAborted',
          executionAbortedEventDetails: { error: 'Cancelled', cause: 'by the owner' },
        }),
      ]),
    });
  });

  it('refuse an execution that does not exist', async () => {
    const executionArn = `${MACHINE_ARN.replace('stateMachine', 'execution')}:none`;
    for (const operation of ['DescribeExecution', 'StopExecution', 'GetExecutionHistory', 'ListMapRuns']) {
      expect(await refusal(bench().engine.handle(operation, { executionArn }))).toBe('ExecutionDoesNotExist');
    }
  });
});

describe('lists', () => {
  it('give the newest executions first, page by page, of one status', async () => {
    const test = bench(async ({ input }) => (input.FunctionName === 'b' ? lambdaError('Bad') : lambdaAnswer(null)));
    test.register(single(task({ Arguments: { FunctionName: '{% $states.input %}' } })));
    for (const name of ['a', 'b', 'c']) await test.ended(await test.start(name, name));
    const list = async (more: object) =>
      (await test.engine.handle('ListExecutions', { stateMachineArn: MACHINE_ARN, ...more })) as {
        executions: { name: string }[];
        nextToken?: string;
      };
    const first = await list({ maxResults: 2 });
    expect(first.executions.map(({ name }) => name)).toEqual(['c', 'b']);
    await test.start('d', 'd');
    const second = await list({ maxResults: 2, nextToken: first.nextToken });
    expect(second).toEqual({ executions: [expect.objectContaining({ name: 'a', status: 'SUCCEEDED' })] });
    expect((await list({ statusFilter: 'FAILED' })).executions.map(({ name }) => name)).toEqual(['b']);
    expect(await refusal(list({ nextToken: 'made up' }))).toBe('InvalidToken');
  });

  it('give the history forwards and backwards', async () => {
    const test = bench();
    const { arn: executionArn, events } = await test.run(pass);
    const page = async (more: object) =>
      (await test.engine.handle('GetExecutionHistory', { executionArn, ...more })) as {
        events: object[];
        nextToken: string;
      };
    const last = await page({ reverseOrder: true, maxResults: 3 });
    expect(last.events).toEqual(events.toReversed().slice(0, 3));
    expect(await page({ reverseOrder: true, nextToken: last.nextToken })).toEqual({ events: events.slice(0, 1) });
  });

  it('give the state machines and describe them', async () => {
    const test = bench();
    test.register(pass);
    expect(await test.engine.handle('ListStateMachines', {})).toEqual({
      stateMachines: [{ stateMachineArn: MACHINE_ARN, name: 'orders', type: 'STANDARD', creationDate: seconds }],
    });
    expect(await test.engine.handle('DescribeStateMachine', { stateMachineArn: MACHINE_ARN })).toMatchObject({
      definition: JSON.stringify(pass),
      roleArn: ROLE_ARN,
      status: 'ACTIVE',
    });
  });
});

describe('RedriveExecution', () => {
  it('takes a failed execution up at the state that failed, with its input and variables', async () => {
    let broken = true;
    const test = bench(async ({ state }) => (state === 'Second' && broken ? lambdaError('Bad') : lambdaAnswer(state)));
    const failed = await test.run(
      machine({
        First: task({ Assign: { first: '{% $states.result.Payload %}' }, Output: { a: 1 }, Next: 'Second' }),
        Second: task({ Output: '{% [$states.input.a, $first, $states.result.Payload] %}', End: true }),
      }),
    );
    expect(failed.status).toBe('FAILED');
    broken = false;
    await test.engine.handle('RedriveExecution', { executionArn: failed.arn });
    const done = await test.ended(failed.arn);
    expect(done).toMatchObject({ status: 'SUCCEEDED', output: [1, 'First', 'Second'], error: undefined });
    expect(test.calls.map(({ state }) => state)).toEqual(['First', 'Second', 'Second']);
    expect(done.events.map(({ type }) => type)).toContain('ExecutionRedriven');
  });

  it('refuses an execution that succeeded', async () => {
    const test = bench();
    const { arn: executionArn } = await test.run(pass);
    expect(await refusal(test.engine.handle('RedriveExecution', { executionArn }))).toBe('ExecutionNotRedrivable');
  });
});

describe('the engine', () => {
  it('refuses an operation that it does not serve', async () => {
    expect(await refusal(bench().engine.handle('CreateActivity', {}))).toBe('UnknownOperationException');
  });

  it('ends everything when it is stopped, and starts nothing after it', async () => {
    const test = bench(never);
    test.register(single(task()));
    await test.start();
    await test.engine.stop();
    expect(await refusal(test.start())).toBe('ServiceUnavailable');
  });
});
