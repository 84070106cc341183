import { afterEach, describe, expect, it, vi } from 'vitest';
import { AwsError, type Resource } from '../../local/resources.ts';
import { createTimer, type Schedules, startSchedules } from '../../local/schedules.ts';
import type { ServiceCall } from '../../local/service-calls.ts';

const arn = (service: string, rest: string) => `arn:aws:${service}:us-east-1:000000000000:${rest}`;
const resource = (type: string, id: string, resourceArn: string, properties: object = {}): Resource => ({
  stack: 'One',
  logicalId: id,
  type,
  physicalId: type === 'AWS::SQS::Queue' ? `http://127.0.0.1:1/0/${id}` : `One-${id}`,
  arn: resourceArn,
  properties: { ...properties },
});
const machine = resource('AWS::StepFunctions::StateMachine', 'Machine', arn('states', 'stateMachine:Machine'));
const fn = resource('AWS::Lambda::Function', 'Fn', arn('lambda', 'function:Fn'));
const queue = resource('AWS::SQS::Queue', 'Dead', arn('sqs', 'Dead'));
const schedule = (target: object = {}, more: object = {}) =>
  resource('AWS::Scheduler::Schedule', 'Daily', arn('scheduler', 'schedule/default/One-Daily'), {
    ScheduleExpression: 'cron(0 2 * * ? *)',
    Target: { Arn: machine.arn, RoleArn: 'role', Input: '{"at":"<aws.scheduler.scheduled-time>"}', ...target },
    ...more,
  });

let schedules: Schedules | undefined;
afterEach(async () => {
  await schedules?.stop();
  schedules = undefined;
});

function start(resources: readonly Resource[], failures: readonly Error[] = []) {
  const calls: ServiceCall[] = [];
  const delays: number[] = [];
  const left = [...failures];
  const started = startSchedules({
    resources: [machine, fn, queue, ...resources],
    callService: async (call) => {
      calls.push(call);
      const failure =
        call.service === 'sqs' && call.action === 'sendMessage' && call.input !== undefined ? undefined : left.shift();
      if (failure !== undefined) throw failure;
      return { executionArn: 'execution' };
    },
    log: () => {},
    now: () => new Date('2026-11-20T12:00:00Z'),
    newId: () => 'id-1',
    sleep: async (milliseconds) => {
      delays.push(milliseconds);
    },
  });
  schedules = started;
  return { fire: started.fire, nextRuns: started.nextRuns, calls, delays };
}

const at = new Date('2026-11-19T02:00:00.250Z');
const deadLetters = { DeadLetterConfig: { Arn: queue.arn } };

describe('a schedule fired by hand', () => {
  it('starts its state machine as its own role, with what Scheduler replaces in the input', async () => {
    const Input =
      '{"at":"<aws.scheduler.scheduled-time>","by":"<aws.scheduler.schedule-arn>","try":"<aws.scheduler.attempt-number>","id":"<aws.scheduler.execution-id>"}';
    const { fire, calls } = start([schedule({ Input })]);
    expect(await fire('Daily', at)).toEqual({ executionArn: 'execution' });
    const input = `{"at":"2026-11-19T02:00:00Z","by":"${arn('scheduler', 'schedule/default/One-Daily')}","try":"1","id":"id-1"}`;
    expect(calls).toEqual([
      { roleArn: 'role', service: 'states', action: 'startExecution', input: { stateMachineArn: machine.arn, input } },
    ]);
  });

  it('is found by its name as well, and the others are named when it is not', async () => {
    const { fire } = start([schedule()]);
    await fire('One-Daily');
    await expect(fire('Weekly')).rejects.toThrow('There is no schedule Weekly; the template has One-Daily.');
  });

  it('invokes functions asynchronously, and sends to queues', async () => {
    const { fire, calls } = start([schedule({ Arn: fn.arn })]);
    await fire('Daily', at);
    const Payload = { at: '2026-11-19T02:00:00Z' };
    expect(calls[0]?.input).toEqual({ FunctionName: fn.arn, InvocationType: 'Event', Payload });
    await schedules?.stop();

    const other = start([schedule({ Arn: queue.arn })]);
    await other.fire('Daily', at);
    expect(other.calls[0]?.input).toEqual({ QueueUrl: queue.physicalId, MessageBody: '{"at":"2026-11-19T02:00:00Z"}' });
  });

  it('tries again while the target is unwell, waiting longer each time', async () => {
    const unwell = new AwsError('ServiceUnavailable', 'later', 503);
    const { fire, calls, delays } = start([schedule()], [unwell, unwell]);
    await fire('Daily', at);
    expect(calls).toHaveLength(3);
    expect(delays).toEqual([1_000, 2_000]);
  });

  it('gives up at once on a missing permission, and keeps the event in the dead letter queue', async () => {
    const denied = new AwsError('AccessDeniedException', 'not authorized');
    const { fire, calls } = start([schedule(deadLetters)], [denied]);
    await expect(fire('Daily', at)).rejects.toBe(denied);
    expect(calls[1]).toMatchObject({
      roleArn: 'role',
      service: 'sqs',
      action: 'sendMessage',
      input: {
        QueueUrl: queue.physicalId,
        MessageBody: '{"at":"2026-11-19T02:00:00Z"}',
        MessageAttributes: { ERROR_CODE: { DataType: 'String', StringValue: 'AccessDeniedException' } },
      },
    });
  });

  it('gives up after as many retries as the template allows', async () => {
    const unwell = new AwsError('ServiceUnavailable', 'later', 503);
    const target = { ...deadLetters, RetryPolicy: { MaximumRetryAttempts: 1 } };
    const { fire, calls } = start([schedule(target)], [unwell, unwell]);
    await expect(fire('Daily', at)).rejects.toBe(unwell);
    expect(calls.map(({ action }) => action)).toEqual(['startExecution', 'startExecution', 'sendMessage']);
  });
});

describe('schedules', () => {
  it('know when they are due, unless they are disabled', () => {
    expect(start([schedule()]).nextRuns().get('One-Daily')?.toISOString()).toMatch(/T02:00:00.000Z$/);
    expect(start([schedule({}, { State: 'DISABLED' })]).nextRuns().size).toBe(0);
  });

  it('are refused with a target that nothing here is', () => {
    expect(() => start([schedule({ Arn: arn('sns', 'Topic') })])).toThrow('is no state machine, function or queue');
  });

  it('are refused with an expression that means nothing', () => {
    expect(() => start([schedule({}, { ScheduleExpression: 'cron(0 2 * * *)' })])).toThrow(
      'Schedule Daily of stack One: "cron(0 2 * * *)" is neither cron(six fields), rate(number unit) nor at(time).',
    );
  });
});

describe('timers', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([
    ['cron(30 12 * * ? *)', '2026-11-20T12:30:00Z'],
    ['rate(30 minutes)', '2026-11-20T12:30:00Z'],
    ['at(2026-11-20T12:30:00)', '2026-11-20T12:30:00Z'],
  ])('fire %s when it is due, and not after they were stopped', async (ScheduleExpression, scheduledTime) => {
    vi.useFakeTimers({ now: new Date('2026-11-20T12:00:00Z') });
    const { calls } = start([schedule({}, { ScheduleExpression })]);
    await vi.advanceTimersByTimeAsync(29 * 60_000);
    expect(calls).toEqual([]);
    await vi.advanceTimersByTimeAsync(2 * 60_000);
    expect(calls.map(({ input }) => input)).toEqual([
      { stateMachineArn: machine.arn, input: `{"at":"${scheduledTime}"}` },
    ]);
    await schedules?.stop();
    await vi.advanceTimersByTimeAsync(48 * 60 * 60_000);
    expect(calls).toHaveLength(1);
  });
});

describe('a schedule expression', () => {
  const noon = new Date('2026-11-20T12:00:00Z');
  const next = (expression: string, timezone = 'UTC') => {
    const timer = createTimer(expression, timezone, noon);
    const first = timer.nextRun(noon);
    const second = first && timer.nextRun(first);
    return [first, second].flatMap((run) => (run === undefined ? [] : [run.toISOString().replace(':00.000Z', '')]));
  };

  it.each([
    ['cron(0 2 * * ? *)', ['2026-11-21T02:00', '2026-11-22T02:00']],
    ['cron(0/15 * * * ? *)', ['2026-11-20T12:15', '2026-11-20T12:30']],
    ['cron(0 10 ? * 2 *)', ['2026-11-23T10:00', '2026-11-30T10:00']],
    ['cron(0 10 ? * MON-FRI *)', ['2026-11-23T10:00', '2026-11-24T10:00']],
    ['cron(0 0 L * ? *)', ['2026-11-30T00:00', '2026-12-31T00:00']],
    ['cron(15 10 ? * 6L 2026-2027)', ['2026-11-27T10:15', '2026-12-25T10:15']],
    ['cron(0 9 ? * 2#1 *)', ['2026-12-07T09:00', '2027-01-04T09:00']],
  ])('%s', (expression, runs) => {
    expect(next(expression)).toEqual(runs);
  });

  it('counts in the time zone of the schedule', () => {
    expect(next('cron(0 2 * * ? *)', 'Europe/Berlin')[0]).toBe('2026-11-21T01:00');
  });

  it('may be a rate, counted from now', () => {
    expect(next('rate(6 hours)')).toEqual(['2026-11-20T18:00', '2026-11-21T00:00']);
    expect(next('rate(1 minute)')[0]).toBe('2026-11-20T12:01');
  });

  it('may be one moment', () => {
    expect(next('at(2026-12-24T18:00:00)')).toEqual(['2026-12-24T18:00']);
  });
});
