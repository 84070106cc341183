import type { SqsEngine } from './engines/sqs.ts';
import type { MetricStore } from './metrics.ts';
import type { Resource } from './resources.ts';

export interface ServiceMetricsOptions {
  readonly resources: readonly Resource[];
  readonly metrics: MetricStore;
  readonly sqs: Pick<SqsEngine, 'handle'>;
  readonly states: { handle(operation: string, input: unknown): Promise<unknown> };
  /** Executions that ended before are not counted. */
  readonly startedAt: Date;
}

/** The metric of Step Functions that counts executions which ended in each status. */
const EXECUTION_METRICS = {
  SUCCEEDED: 'ExecutionsSucceeded',
  FAILED: 'ExecutionsFailed',
  TIMED_OUT: 'ExecutionsTimedOut',
  ABORTED: 'ExecutionsAborted',
} as const;

interface Execution {
  readonly executionArn: string;
  /** Seconds since the epoch, with fractions. */
  readonly stopDate?: number;
}

/** Takes AWS's own metrics of queues and state machines when it is called; functions and APIs record theirs as they run. */
export function createServiceMetrics(options: ServiceMetricsOptions): (now: Date) => Promise<void> {
  const { resources, metrics, sqs, states, startedAt } = options;
  const queues = resources.filter(({ type }) => type === 'AWS::SQS::Queue');
  const machines = resources.filter(({ type }) => type === 'AWS::StepFunctions::StateMachine');
  const counted = new Set<string>();

  async function sampleQueue({ physicalId, arn }: Resource, now: Date): Promise<void> {
    const request = { QueueUrl: physicalId, AttributeNames: ['ApproximateNumberOfMessages'] };
    const { Attributes = {} } = (await sqs.handle('GetQueueAttributes', request)) as {
      Attributes?: Record<string, string>;
    };
    const dimensions = { QueueName: arn.split(':').at(-1) ?? '' };
    const id = { namespace: 'AWS/SQS', name: 'ApproximateNumberOfMessagesVisible', dimensions };
    metrics.series(id).add(Number(Attributes.ApproximateNumberOfMessages ?? 0), now.getTime());
  }

  async function countExecutions({ arn }: Resource): Promise<void> {
    for (const [statusFilter, name] of Object.entries(EXECUTION_METRICS)) {
      const series = metrics.series({ namespace: 'AWS/States', name, dimensions: { StateMachineArn: arn } });
      const request = { stateMachineArn: arn, statusFilter };
      const { executions } = (await states.handle('ListExecutions', request)) as { executions: readonly Execution[] };
      for (const { executionArn, stopDate } of executions) {
        // A redriven execution ends more than once.
        const ended = `${executionArn} ${stopDate}`;
        const at = (stopDate ?? 0) * 1000;
        if (at < startedAt.getTime() || counted.has(ended)) continue;
        counted.add(ended);
        series.add(1, at);
      }
    }
  }

  return async (now) => {
    await Promise.all([...queues.map((queue) => sampleQueue(queue, now)), ...machines.map(countExecutions)]);
  };
}
