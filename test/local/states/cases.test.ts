import { describe, expect, it } from 'vitest';
import { readCases, runCase, type StateMachineCase } from '../../../local/states/cases.ts';
import { machine, task } from './harness.ts';

const placeholder = (name: string) => `\${${name}}`;

const reconcile = machine({
  Plan: task({ Output: '{% $states.result.Payload %}', Next: 'Each slice' }),
  'Each slice': {
    Type: 'Map',
    ItemReader: {
      Resource: 'arn:aws:states:::s3:getObject',
      ReaderConfig: { InputType: 'CSV', CSVHeaderLocation: 'FIRST_ROW' },
      Arguments: { Bucket: placeholder('Bucket'), Key: '{% $states.input.key %}' },
    },
    ItemProcessor: {
      ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
      StartAt: 'Reconcile slice',
      States: {
        'Reconcile slice': task({
          Retry: [{ ErrorEquals: ['SliceBusy'], MaxAttempts: 2, IntervalSeconds: 3600 }],
          Output: '{% $states.result.Payload %}',
          Next: 'Checked',
        }),
        Checked: { Type: 'Pass', End: true },
      },
    },
    Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Failed' }],
    Next: 'Approve',
  },
  Approve: task({ Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken', TimeoutSeconds: 86400, End: true }),
  Failed: { Type: 'Fail', Error: 'RunFailed' },
});

const good: StateMachineCase = {
  name: 'retries a busy slice',
  input: {},
  tasks: {
    Plan: [{ return: { key: 'slices.csv' } }],
    'Reconcile slice': [{ throw: { error: 'SliceBusy', cause: 'later' } }, { return: 'ok' }],
    Approve: [{ return: { by: 'b' } }],
  },
  items: { 'Each slice': [{ bucket: 'a"1' }, { bucket: '2' }] },
  path: ['Plan', 'Each slice', 'Reconcile slice', 'Checked', 'Reconcile slice', 'Checked', 'Approve'],
  status: 'SUCCEEDED',
  output: { by: 'b' },
};

describe('runCase', () => {
  it('gives the path and the output, hours of retries and all', async () => {
    const { path, status, output } = good;
    expect(await runCase(reconcile, good, { Bucket: 'artifacts' })).toEqual({ path, status, output });
  });

  it('gives the error of a case that fails', async () => {
    const { Plan = [] } = good.tasks;
    const bad = { ...good, tasks: { Plan, 'Reconcile slice': [{ throw: { error: 'Broken' } }] } };
    expect(await runCase(JSON.stringify(reconcile), bad)).toEqual({
      path: ['Plan', 'Each slice', 'Reconcile slice', 'Failed'],
      status: 'FAILED',
      error: 'RunFailed',
    });
  });

  it('rejects when a task or a reader that is reached has no mock', async () => {
    await expect(runCase(reconcile, { ...good, tasks: {} })).rejects.toThrow('no mock for the task "Plan"');
    await expect(runCase(reconcile, { ...good, items: {} })).rejects.toThrow('no mock for the items of "Each slice"');
  });

  it('rejects when a mock is never asked for, as that of a retry that does not happen', async () => {
    const { Plan = [] } = good.tasks;
    const retried = [{ throw: { error: 'Broken' } }, { return: 'ok' }];
    const bad = { ...good, tasks: { Plan, 'Reconcile slice': retried } };
    await expect(runCase(reconcile, bad)).rejects.toThrow('asked for answer 2 of "Reconcile slice"');
  });

  it('runs branches one after the other, so that a path has one order', async () => {
    const branch = (name: string) => ({
      StartAt: `${name}1`,
      States: {
        [`${name}1`]: { Type: 'Wait', Seconds: 9, Next: `${name}2` },
        [`${name}2`]: { Type: 'Pass', End: true },
      },
    });
    const both = machine({ Both: { Type: 'Parallel', Branches: [branch('A'), branch('B')], End: true } });
    const outcome = await runCase(both, { name: 'both', input: 1, tasks: {}, path: [], status: 'SUCCEEDED' });
    expect(outcome).toEqual({ path: ['Both', 'A1', 'A2', 'B1', 'B2'], status: 'SUCCEEDED', output: [1, 1] });
  });
});

describe('readCases', () => {
  it('takes an array, or an object with one', () => {
    expect(readCases(JSON.stringify([good]))).toEqual([good]);
    expect(readCases(JSON.stringify({ cases: [good] }))).toEqual([good]);
    expect(() => readCases('{}')).toThrow('array of cases');
  });
});
