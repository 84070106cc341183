import { describe, expect, it } from 'vitest';
import { stageNamed } from '../../config/stages.ts';
import { buildApp } from '../../lib/app.ts';
import { synthesize } from './templates.ts';

const dev = synthesize('dev');
const prod = synthesize('prod');

describe('the app', () => {
  it('has no finding of the checks that was not acknowledged', () => {
    expect(dev.validationReport.pluginReports).toEqual([]);
    expect(prod.validationReport.pluginReports).toEqual([]);
  });

  it('has no finding where alarms go to a mail address', () => {
    const stage = { ...stageNamed('dev'), alarmEmail: 'owner@example.com' };
    expect(synthesize(stage).validationReport.pluginReports).toEqual([]);
  });

  it('gives identical templates when synthesized twice', () => {
    expect(synthesize('prod')).toEqual(prod);
  });

  it('tells by its outputs everything that an owner and the command line need', () => {
    const { data, service } = dev;
    expect(Object.keys(data.Outputs).filter((key) => !key.startsWith('ExportsOutput'))).toEqual([
      'LedgerTableName',
      'UsageTableName',
      'OperationsTableName',
      'BillingTableName',
      'ArtifactsBucketName',
      'SealsBucketName',
      'ImportBucketName',
      'NoticesTopicArn',
    ]);
    expect(Object.keys(service.Outputs)).toEqual([
      'ApiUrl',
      'ReconcileStateMachineArn',
      'SealStateMachineArn',
      'RepairStateMachineArn',
      'InvoicesStateMachineArn',
      'CreateKeyFunctionName',
      'AlarmTopicArn',
    ]);
  });

  it('takes the stage from the context, as `cdk synth -c stage=prod` gives it', () => {
    const app = buildApp(undefined, { context: { stage: 'prod', 'aws:cdk:bundling-stacks': [] } });
    expect(app.node.children.map(({ node }) => node.id)).toEqual(
      expect.arrayContaining(['reckoner-prod-data', 'reckoner-prod-service']),
    );
  });

  it('refuses a stage that is not configured and says which are', () => {
    expect(() => buildApp('staging')).toThrow(/no stage "staging".*dev, prod/);
  });
});
