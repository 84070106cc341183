import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import settings from '../cdk.json' with { type: 'json' };
import { chart } from '../config/chart.ts';
import { type Stage, stageNamed } from '../config/stages.ts';
import { SOURCE_MAPS_CONTEXT } from './bundle.ts';
import { checkChart } from './chart-check.ts';
import { DataStack } from './data-stack.ts';
import { ServiceStack } from './service-stack.ts';

export interface AppOptions {
  /** Where the cloud assembly goes; a temporary directory when absent. */
  readonly outdir?: string;
  /** Added to the context of cdk.json; `{ 'aws:cdk:bundling-stacks': [] }` leaves the functions' code out. */
  readonly context?: Readonly<Record<string, unknown>>;
  /**
   * For this machine, from which nothing is deployed: without source maps, and without a check of CloudFormation's own
   * rules, which take half of the time together.
   */
  readonly isLocal?: boolean;
}

/**
 * Reckoner for one stage, not yet synthesized: two stacks by lifecycle, data first. Every synthesis runs the checks of
 * cdk-nag over both; a finding that nobody acknowledged with a reason fails it.
 *
 * @param stage a stage or its name; when absent the context's `stage`, or else `dev`.
 * @throws UnknownStage when config/stages.ts does not have it.
 * @throws InvalidChartError when config/chart.ts breaks a rule: nothing that would run by it is synthesized.
 */
export function buildApp(stage?: Stage | string, { isLocal = false, ...options }: AppOptions = {}): App {
  checkChart(chart);
  const app = new App({
    // The CDK CLI hands over cdk.json itself; read here too, a synthesis without it gives the same templates. One flag
    // differs from the recommended set: references between the stacks are strong, so that CloudFormation refuses to
    // remove a table or bucket from the data stack while the service still uses it.
    context: { ...settings.context, [SOURCE_MAPS_CONTEXT]: !isLocal, ...options.context },
    builtinCloudFormationValidation: !isLocal,
    ...(options.outdir === undefined ? {} : { outdir: options.outdir }),
    analyticsReporting: false,
  });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));

  const chosen = stage ?? String(app.node.tryGetContext('stage') ?? 'dev');
  const settled = typeof chosen === 'string' ? stageNamed(chosen) : chosen;
  const data = new DataStack(app, `reckoner-${settled.name}-data`, { stage: settled });
  new ServiceStack(app, `reckoner-${settled.name}-service`, { stage: settled, data });
  return app;
}
