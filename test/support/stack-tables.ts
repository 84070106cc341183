import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import type { TestProject } from 'vitest/node';
import { stageNamed } from '../../config/stages.ts';
import { DataStack } from '../../lib/data-stack.ts';

/** A table of the data stack, as its template says it. */
export interface StackTable {
  readonly logicalId: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

declare module 'vitest' {
  interface ProvidedContext {
    stackTables: readonly StackTable[];
  }
}

/** Synthesizes the data stack once for all tests: loading the CDK and validating the template takes seconds. */
export function setup(project: TestProject): void {
  const stack = new DataStack(new App(), 'books', { stage: stageNamed('dev') });
  const tables = Template.fromStack(stack).findResources('AWS::DynamoDB::GlobalTable');
  const stackTables = Object.entries(tables).map(([logicalId, { Properties: properties }]) => ({
    logicalId,
    properties,
  }));
  project.provide('stackTables', stackTables);
}
