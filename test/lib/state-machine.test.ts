import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stageNamed } from '../../config/stages.ts';
import { functionNames } from '../../lib/functions.ts';
import { StateMachine } from '../../lib/state-machine.ts';
import { idOf, listed, resourceOf, statementsOf, templatesOf } from './templates.ts';

const { service } = templatesOf('prod');

describe.each([
  ['Reconcile', /-reconciliation$|^workflow\/reconcile-slice$/, '"\\/reconciliations\\/\\*"'],
  ['Seal', /-seal$|^workflow\/seal-slice$/, '"\\/seals\\/\\*"'],
])('the state machine %s', (name, ofWorkflow, folder) => {
  const { Properties } = resourceOf(service, 'AWS::StepFunctions::StateMachine', name);
  const statements = statementsOf(service, `${name}Role`);
  const resourcesFor = (action: string) =>
    statements.filter(({ Action }) => listed(Action).includes(action)).flatMap(({ Resource }) => listed(Resource));

  it('logs everything and is traced', () => {
    expect(Properties).toMatchObject({
      StateMachineType: 'STANDARD',
      LoggingConfiguration: { Level: 'ALL', IncludeExecutionData: true },
      TracingConfiguration: { Enabled: true },
    });
  });

  it('may invoke the functions of its workflow and no others', () => {
    const workflow = functionNames.filter((one) => ofWorkflow.test(one));
    const arns = Object.entries(Properties.DefinitionSubstitutions as Record<string, unknown>)
      .filter(([substitute]) => substitute.endsWith('FunctionArn'))
      .map(([, arn]) => arn);
    expect(arns).toHaveLength(workflow.length);
    expect(resourcesFor('lambda:InvokeFunction')).toHaveLength(workflow.length);
    expect(resourcesFor('lambda:InvokeFunction')).toEqual(expect.arrayContaining(arns));
  });

  it('may read the slices of runs, and nothing else of the bucket', () => {
    const [objects, ...others] = resourcesFor('s3:GetObject');
    expect(JSON.stringify(objects)).toMatch(new RegExp(`BucketsArtifacts.*${folder}`));
    expect(others).toEqual([]);
  });

  it('may run and stop the children of its own Distributed Map', () => {
    const self = idOf(service, 'AWS::StepFunctions::StateMachine', name);
    expect(resourcesFor('states:StartExecution')).toEqual([{ Ref: self }]);
    for (const action of ['states:DescribeExecution', 'states:StopExecution']) {
      expect(JSON.stringify(resourcesFor(action))).toMatch(new RegExp(`:execution:.*${self}.*":\\*"`));
    }
  });
});

describe('the state machine Repair', () => {
  const statements = statementsOf(service, 'RepairRole');

  it('may invoke the functions of its workflow, and has no Distributed Map to read or start anything for', () => {
    const workflow = functionNames.filter((one) => /^workflow\/(.*-repair(-part)?|back-up-ledger)$/.test(one));
    const actions = statements.flatMap(({ Action }) => listed(Action));
    const invoked = statements.filter(({ Action }) => listed(Action).includes('lambda:InvokeFunction'));
    expect(invoked.flatMap(({ Resource }) => listed(Resource))).toHaveLength(workflow.length);
    expect(actions.filter((action) => action.startsWith('s3:') || action.startsWith('states:'))).toEqual([]);
  });
});

describe('a definition', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'reckoner-definition-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('must use exactly the names it is given', () => {
    const file = join(directory, 'sample.asl.json');
    const pass = { Type: 'Pass', Output: ['Used', 'Misspelt'].map((name) => `\${${name}}`), End: true };
    writeFileSync(file, JSON.stringify({ QueryLanguage: 'JSONata', StartAt: 'Only', States: { Only: pass } }));
    const make = () =>
      new StateMachine(new Stack(new App(), 'Stack'), 'Sample', {
        stage: stageNamed('dev'),
        file,
        functions: {},
        names: { Used: 'one', Forgotten: 'two' },
        items: { arn: 'arn:aws:s3:::bucket/*', patternReason: 'A test.' },
      });
    expect(make).toThrow(/sample.asl.json .* only the file has \[Misspelt\], only the construct has \[Forgotten\]/);
  });
});
