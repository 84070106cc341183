import { Cron, type CronOptions } from 'croner';
import { AwsError, type Resource } from './resources.ts';
import type { CallService } from './service-calls.ts';

export interface SchedulesOptions {
  readonly resources: readonly Resource[];
  readonly callService: CallService;
  readonly log: (line: string) => void;
  readonly now: () => Date;
  readonly newId: () => string;
  /** Resolves after so many milliseconds, or at once when the signal aborts. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

export interface Schedules {
  /**
   * Does what a schedule does at its time, whether or not it is enabled.
   *
   * @param name the schedule's name or logical id
   * @param at the scheduled time that the target is told; now when absent
   * @returns the target's answer, such as `{ executionArn }`
   * @throws Error when there is no such schedule; AwsError when the target refuses, after retries and dead letter queue
   */
  fire(name: string, at?: Date): Promise<unknown>;
  /** When each enabled schedule is due next, by name. */
  nextRuns(): ReadonlyMap<string, Date>;
  stop(): Promise<void>;
}

/** EventBridge Scheduler's defaults. https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html */
const RETRIES_DEFAULT = 185;
const EVENT_AGE_SECONDS_DEFAULT = 86_400;
const RETRY_DELAY_MS_FIRST = 1_000;
const RETRY_DELAY_MS_MAX = 60_000;

interface ScheduleProperties {
  readonly ScheduleExpression: string;
  readonly ScheduleExpressionTimezone?: string;
  readonly State?: 'ENABLED' | 'DISABLED';
  readonly Target: Target;
}

interface Target {
  readonly Arn: string;
  readonly RoleArn: string;
  readonly Input?: string;
  readonly RetryPolicy?: { readonly MaximumRetryAttempts?: number; readonly MaximumEventAgeInSeconds?: number };
  readonly DeadLetterConfig?: { readonly Arn?: string };
  readonly SqsParameters?: { readonly MessageGroupId?: string };
}

interface Schedule {
  readonly name: string;
  readonly logicalId: string;
  readonly arn: string;
  readonly target: Target;
  /** Undefined for a schedule that is disabled: it can be fired by hand only. */
  readonly timer: Timer | undefined;
}

interface Timer {
  /** Calls at each time that the schedule is due, until `stop`. */
  start(due: (at: Date) => void): void;
  /** The first time after `now`, if there is one. */
  nextRun(now: Date): Date | undefined;
  stop(): void;
}

/**
 * Runs the template's schedules. Their timers do not keep the process alive.
 *
 * @throws Error for an expression or a target that is not supported here
 */
export function startSchedules(options: SchedulesOptions): Schedules {
  const { resources, log, now, sleep } = options;
  const stopping = new AbortController();
  const running = new Set<Promise<unknown>>();
  const schedules = resources
    .filter(({ type }) => type === 'AWS::Scheduler::Schedule')
    .map((resource) => readSchedule(resource, now()));

  for (const { name, target, timer } of schedules) {
    // Throws for a target that cannot be reached, before anything is due.
    targetCall(target, resources, '{}');
    timer?.start((at) => {
      fire(name, at).catch((error: Error) => log(`Schedule ${name} failed: ${error.message}`));
    });
  }

  async function deliver(schedule: Schedule, at: Date): Promise<unknown> {
    const { target } = schedule;
    const { MaximumRetryAttempts = RETRIES_DEFAULT, MaximumEventAgeInSeconds = EVENT_AGE_SECONDS_DEFAULT } =
      target.RetryPolicy ?? {};
    const executionId = options.newId();
    const startedAt = now().getTime();
    for (let attempt = 1; ; attempt += 1) {
      const input = inputOf(schedule, at, executionId, attempt);
      try {
        return await options.callService({ roleArn: target.RoleArn, ...targetCall(target, resources, input) });
      } catch (error) {
        const isTooOld = now().getTime() - startedAt >= MaximumEventAgeInSeconds * 1000;
        if (!isRetryable(error) || attempt > MaximumRetryAttempts || isTooOld) {
          await sendToDeadLetters(target, input, error as Error, options);
          throw error;
        }
        await sleep(Math.min(RETRY_DELAY_MS_FIRST * 2 ** (attempt - 1), RETRY_DELAY_MS_MAX), stopping.signal);
        if (stopping.signal.aborted) throw error;
      }
    }
  }

  async function fire(name: string, at: Date = now()): Promise<unknown> {
    const schedule = schedules.find((one) => one.name === name || one.logicalId === name);
    if (schedule === undefined) {
      const known = schedules.map((one) => one.name).join(', ');
      throw new Error(`There is no schedule ${name}; the template has ${known || 'none'}.`);
    }
    const delivery = deliver(schedule, at).finally(() => running.delete(delivery));
    running.add(delivery);
    return delivery;
  }

  return {
    fire,
    nextRuns() {
      const due = schedules.map(({ name, timer }) => [name, timer?.nextRun(now())] as const);
      return new Map(due.filter((entry): entry is [string, Date] => entry[1] !== undefined));
    },
    async stop() {
      for (const { timer } of schedules) timer?.stop();
      stopping.abort();
      await Promise.allSettled(running);
    },
  };
}

function readSchedule({ stack, logicalId, physicalId, arn, properties }: Resource, now: Date): Schedule {
  const given = properties as unknown as ScheduleProperties;
  try {
    const timer = createTimer(given.ScheduleExpression, given.ScheduleExpressionTimezone ?? 'UTC', now);
    const isEnabled = given.State !== 'DISABLED';
    return { name: physicalId, logicalId, arn, target: given.Target, timer: isEnabled ? timer : undefined };
  } catch (error) {
    throw new Error(`Schedule ${logicalId} of stack ${stack}: ${(error as Error).message}`);
  }
}

const SECONDS_PER_UNIT: Readonly<Record<string, number>> = { minute: 60, hour: 3_600, day: 86_400 };

/**
 * A timer for a schedule expression: `cron(minutes hours day-of-month month day-of-week year)`, `rate(value unit)`, counted
 * from `now`, or `at(yyyy-mm-ddThh:mm:ss)`. https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 *
 * @throws Error when the expression is none of them
 */
export function createTimer(expression: string, timezone: string, now: Date): Timer {
  const [, kind, content = ''] = /^(cron|rate|at)\((.*)\)$/.exec(expression) ?? [];
  if (kind === 'at') return createCronTimer(content, { timezone });
  if (kind === 'cron' && content.trim().split(/\s+/).length === 6) {
    // AWS counts weekdays from Sunday = 1, writes steps as 0/15, and "?" for "any".
    const dialect = { mode: '7-part', alternativeWeekdays: true, sloppyRanges: true } as const;
    return createCronTimer(`0 ${content.replaceAll('?', '*')}`, { timezone, ...dialect });
  }
  const [, value, unit = ''] = /^(\d+) (minute|hour|day)s?$/.exec(content) ?? [];
  if (kind === 'rate' && Number(value) > 0) {
    return createRateTimer(now, Number(value) * (SECONDS_PER_UNIT[unit] ?? 0) * 1000);
  }
  throw new Error(`"${expression}" is neither cron(six fields), rate(number unit) nor at(time).`);
}

function createCronTimer(pattern: string, options: CronOptions): Timer {
  const cron = new Cron(pattern, { ...options, paused: true, unref: true });
  return {
    start(due) {
      cron.schedule((self) => due(self.currentRun() ?? new Date()));
      cron.resume();
    },
    nextRun: (now) => cron.nextRun(now) ?? undefined,
    stop: () => cron.stop(),
  };
}

/** Node.js fires a timer with a longer delay at once instead. */
const LONGEST_TIMER_MS = 2_147_483_647;

function createRateTimer(start: Date, intervalMs: number): Timer {
  let timeout: NodeJS.Timeout | undefined;
  const nextRun = (now: Date) => {
    const passed = Math.floor((now.getTime() - start.getTime()) / intervalMs);
    return new Date(start.getTime() + (passed + 1) * intervalMs);
  };
  function wait(at: Date, due: (at: Date) => void): void {
    const left = at.getTime() - Date.now();
    timeout = setTimeout(
      () => {
        if (left > LONGEST_TIMER_MS) return wait(at, due);
        due(at);
        wait(nextRun(at), due);
      },
      Math.min(left, LONGEST_TIMER_MS),
    ).unref();
  }
  return { start: (due) => wait(nextRun(start), due), nextRun, stop: () => clearTimeout(timeout) };
}

/** The call that reaches the target, as the schedule's role makes it. */
function targetCall(target: Target, resources: readonly Resource[], input: string) {
  const found = resources.find(({ arn }) => arn !== '' && arn === target.Arn);
  switch (found?.type) {
    case 'AWS::StepFunctions::StateMachine':
      return { service: 'states', action: 'startExecution', input: { stateMachineArn: target.Arn, input } };
    case 'AWS::Lambda::Function': {
      const event = {
        FunctionName: target.Arn,
        InvocationType: 'Event',
        Payload: JSON.parse(input),
      };
      return { service: 'lambda', action: 'invoke', input: event };
    }
    case 'AWS::SQS::Queue': {
      const message = { QueueUrl: found.physicalId, MessageBody: input, ...target.SqsParameters };
      return { service: 'sqs', action: 'sendMessage', input: message };
    }
    default:
      throw new Error(`A schedule's target ${target.Arn} is no state machine, function or queue of the template.`);
  }
}

/** What Scheduler replaces in a target's input. https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html */
function inputOf(schedule: Schedule, at: Date, executionId: string, attempt: number): string {
  const scheduledTime = at.toISOString().replace(/\.\d{3}Z$/, 'Z');
  return (schedule.target.Input ?? '{}')
    .replaceAll('<aws.scheduler.schedule-arn>', schedule.arn)
    .replaceAll('<aws.scheduler.scheduled-time>', scheduledTime)
    .replaceAll('<aws.scheduler.execution-id>', executionId)
    .replaceAll('<aws.scheduler.attempt-number>', String(attempt));
}

/** A missing permission or target does not come by waiting; everything else may. */
function isRetryable(error: unknown): boolean {
  return !(error instanceof AwsError) || error.status >= 500 || error.status === 429 || /Throttl/.test(error.name);
}

async function sendToDeadLetters(
  target: Target,
  input: string,
  error: Error,
  options: SchedulesOptions,
): Promise<void> {
  const arn = target.DeadLetterConfig?.Arn;
  const queue = options.resources.find((resource) => arn !== undefined && resource.arn === arn);
  if (queue === undefined) return;
  const attribute = (StringValue: string) => ({ DataType: 'String', StringValue });
  const MessageAttributes = {
    ERROR_CODE: attribute(error.name),
    ERROR_MESSAGE: attribute(error.message),
    TARGET_ARN: attribute(target.Arn),
  };
  const message = { QueueUrl: queue.physicalId, MessageBody: input, MessageAttributes };
  await options
    .callService({ roleArn: target.RoleArn, service: 'sqs', action: 'sendMessage', input: message })
    .catch((failure: Error) => options.log(`A schedule's dead letter was lost: ${failure.message}`));
}
