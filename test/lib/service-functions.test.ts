import { describe, expect, it } from 'vitest';
import { type FunctionDefinition, functionNames, functions, pascalName } from '../../lib/functions.ts';
import { listed, resourceOf, resourcesOf, statementsOf, templatesOf } from './templates.ts';

const { data, service } = templatesOf('prod');

/** What every function may do besides its row of the table. */
const OWN_LOG_AND_TRACES = [
  'logs:CreateLogStream',
  'logs:PutLogEvents',
  'xray:PutTelemetryRecords',
  'xray:PutTraceSegments',
];

describe('every role', () => {
  it('names its actions one by one', () => {
    for (const template of [data, service]) {
      for (const [, { Properties }] of resourcesOf(template, 'AWS::IAM::Policy')) {
        const { Statement } = Properties.PolicyDocument as { Statement: { Action: string | string[] }[] };
        for (const { Action } of Statement) {
          for (const action of listed(Action)) expect(action).toMatch(/^[a-z0-9]+:[A-Za-z]+$/);
        }
      }
    }
  });

  it('has policies of its own only, none of AWS and none in line', () => {
    for (const [, { Properties }] of resourcesOf(service, 'AWS::IAM::Role')) {
      expect(Properties.ManagedPolicyArns).toBeUndefined();
      expect(Properties.Policies).toBeUndefined();
    }
  });

  it('is the role of one function, state machine or schedule alone', () => {
    const holders = ['AWS::Lambda::Function', 'AWS::StepFunctions::StateMachine'].flatMap((type) =>
      resourcesOf(service, type).map(([, { Properties }]) => JSON.stringify(Properties.Role ?? Properties.RoleArn)),
    );
    expect(new Set(holders).size).toBe(holders.length);
    const ofSchedules = resourcesOf(service, 'AWS::Scheduler::Schedule').map(([, { Properties }]) =>
      JSON.stringify((Properties.Target as { RoleArn: unknown }).RoleArn),
    );
    expect(new Set(ofSchedules).isDisjointFrom(new Set(holders))).toBe(true);
    expect(resourcesOf(service, 'AWS::IAM::Role')).toHaveLength(holders.length + new Set(ofSchedules).size);
  });
});

describe.each(functionNames)('the function %s', (name) => {
  const id = pascalName(name);
  const definition: FunctionDefinition = functions[name];
  const { Properties } = resourceOf(service, 'AWS::Lambda::Function', `Functions${id}`);
  const statements = statementsOf(service, `Functions${id}`);

  it('may do what its row of the table says, write its log and its traces, and nothing else', () => {
    const allowed = new Set(statements.flatMap(({ Action }) => listed(Action)));
    const expected = new Set([...OWN_LOG_AND_TRACES, ...Object.values(definition.may).flat()]);
    expect([...allowed].sort()).toEqual([...expected].sort());
  });

  it('may touch everything of a kind for traces only', () => {
    const everywhere = statements.filter(({ Resource }) => listed(Resource).includes('*'));
    expect(everywhere.flatMap(({ Action }) => listed(Action))).toEqual([
      'xray:PutTelemetryRecords',
      'xray:PutTraceSegments',
    ]);
  });

  it('runs on Node 24 and arm64, traced, with a log group that forgets in time', () => {
    expect(Properties).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      MemorySize: definition.memoryMiB,
      Timeout: definition.timeoutSeconds,
      TracingConfig: { Mode: 'Active' },
    });
    expect(resourceOf(service, 'AWS::Logs::LogGroup', `Functions${id}Log`).Properties.RetentionInDays).toBe(400);
  });
});

describe('the environment', () => {
  const variablesOf = (id: string) => {
    const { Properties } = resourceOf(service, 'AWS::Lambda::Function', `Functions${id}`);
    return (Properties.Environment as { Variables: Record<string, unknown> }).Variables;
  };

  it('tells a function what its permissions are on', () => {
    expect(Object.keys(variablesOf('Operations')).sort()).toEqual([
      'ARTIFACTS_BUCKET',
      'BULK_QUEUE_URL',
      'IMPORT_BUCKET',
      'OPERATIONS_TABLE',
      'POWERTOOLS_METRICS_NAMESPACE',
      'POWERTOOLS_SERVICE_NAME',
      'RECONCILE_STATE_MACHINE_ARN',
      'REPAIR_STATE_MACHINE_ARN',
      'SEALS_BUCKET',
      'SEAL_STATE_MACHINE_ARN',
      'STAGE',
      'USAGE_TABLE',
    ]);
    expect(Object.keys(variablesOf('Usage'))).not.toContain('LEDGER_TABLE');
  });

  it('keeps the metrics of all functions together', () => {
    for (const name of functionNames) {
      expect(variablesOf(pascalName(name))).toMatchObject({
        STAGE: 'prod',
        POWERTOOLS_SERVICE_NAME: 'reckoner',
        POWERTOOLS_METRICS_NAMESPACE: 'Reckoner',
      });
    }
  });
});

const READS = new Set(['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query']);

describe('who may write a book', () => {
  const writersOf = (table: string) =>
    functionNames.filter((name) => {
      const actions = (functions[name] as FunctionDefinition).may[table as 'ledger'] ?? [];
      return actions.some((action) => !READS.has(action));
    });

  it('are few functions for the ledger, and others for the evidence it is compared with, but for rulings on it', () => {
    expect(writersOf('ledger').sort()).toEqual([
      'api/ledger',
      'events/post-bulk',
      'workflow/apply-repair-part',
      // It may request a backup, and write nothing.
      'workflow/back-up-ledger',
      'workflow/sweep-expired',
    ]);
    expect(writersOf('usage').sort()).toEqual(['api/usage', 'events/import-usage', 'workflow/apply-repair-part']);
  });

  it('is nobody who may delete', () => {
    const actions = functionNames.flatMap((name) => Object.values((functions[name] as FunctionDefinition).may).flat());
    expect(actions.filter((action) => /delete/i.test(action))).toEqual(['sqs:DeleteMessage', 'sqs:DeleteMessage']);
  });
});

describe('the import feed', () => {
  it('reads one file at a time, tells which failed, and never more at once than the stage allows', () => {
    expect(resourceOf(service, 'AWS::Lambda::EventSourceMapping', 'ImportFeed').Properties).toMatchObject({
      BatchSize: 1,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 5 },
    });
  });
});

describe('the bulk feed', () => {
  const { Properties } = resourceOf(service, 'AWS::Lambda::EventSourceMapping', 'BulkFeed');

  it('reads as much at once as a FIFO queue gives, without a window, and tells which failed', () => {
    expect(Properties).toMatchObject({
      BatchSize: 10,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 10 },
    });
    expect(Properties.MaximumBatchingWindowInSeconds).toBeUndefined();
  });

  it('is a FIFO queue, from which a part never comes again while it may still be worked through', () => {
    const queues = resourcesOf(data, 'AWS::SQS::Queue').filter(([queueId]) => queueId.startsWith('BulkQueue'));
    const [, queue] = queues.find(([queueId]) => !queueId.includes('DeadLetters')) ?? [];
    expect(queue?.Properties).toMatchObject({ FifoQueue: true, RedrivePolicy: { maxReceiveCount: 10 } });
    expect(queue?.Properties.VisibilityTimeout).toBeGreaterThan(functions['events/post-bulk'].timeoutSeconds);
    expect(resourceOf(data, 'AWS::SQS::Queue', 'BulkQueueDeadLetters').Properties).toMatchObject({ FifoQueue: true });
  });
});
