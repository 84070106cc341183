import { describe, expect, it } from 'vitest';
import { createMetricStore, MINUTE_MS } from '../../local/metrics.ts';
import type { Resource } from '../../local/resources.ts';
import { createServiceMetrics } from '../../local/service-metrics.ts';

const now = new Date('2026-11-20T12:00:10Z');
const minute = Date.UTC(2026, 10, 20, 12);
const machineArn = 'arn:aws:states:us-east-1:000000000000:stateMachine:M';
const resource = (type: string, physicalId: string, arn: string): Resource => ({
  stack: 'One',
  logicalId: 'It',
  type,
  physicalId,
  arn,
  properties: {},
});

describe('the metrics of services', () => {
  it('count waiting messages, and each execution that failed once', async () => {
    const metrics = createMetricStore();
    const ended = { executionArn: 'failed', stopDate: Date.UTC(2026, 10, 20, 12, 0, 5) / 1000 };
    const before = { executionArn: 'long ago', stopDate: Date.UTC(2026, 10, 20, 11) / 1000 };
    const sample = createServiceMetrics({
      resources: [
        resource('AWS::SQS::Queue', 'http://127.0.0.1:1/0/Q', 'arn:aws:sqs:us-east-1:000000000000:Q'),
        resource('AWS::StepFunctions::StateMachine', machineArn, machineArn),
      ],
      metrics,
      sqs: { handle: async () => ({ Attributes: { ApproximateNumberOfMessages: '7' } }) },
      states: {
        handle: async (_, input) => {
          const { statusFilter } = input as { statusFilter: string };
          return { executions: statusFilter === 'FAILED' ? [ended, before] : [] };
        },
      },
      startedAt: new Date('2026-11-20T12:00:00Z'),
    });
    await sample(now);
    await sample(now);

    const over = (namespace: string, name: string, dimensions: Record<string, string>, statistic: string) =>
      metrics.statistic({ namespace, name, dimensions }, statistic, minute, minute + MINUTE_MS);
    expect(over('AWS/SQS', 'ApproximateNumberOfMessagesVisible', { QueueName: 'Q' }, 'Maximum')).toBe(7);
    expect(over('AWS/States', 'ExecutionsFailed', { StateMachineArn: machineArn }, 'Sum')).toBe(1);
  });
});
