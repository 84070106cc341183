import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stage } from '../../config/stages.ts';
import { type AppOptions, buildApp } from '../../lib/app.ts';

/** As much of a CloudFormation template as the tests read. */
export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs: Readonly<Record<string, unknown>>;
}

export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
  readonly DependsOn?: readonly string[];
}

export interface Assembly {
  readonly data: Template;
  readonly service: Template;
  readonly validationReport: { readonly pluginReports: readonly unknown[] };
}

/** Synthesizes a stage without its functions' code. */
export function synthesize(stage: Stage | string, options: AppOptions = {}): Assembly {
  const directory = mkdtempSync(join(tmpdir(), 'reckoner-synth-'));
  try {
    const name = typeof stage === 'string' ? stage : stage.name;
    buildApp(stage, { ...options, outdir: directory, context: { 'aws:cdk:bundling-stacks': [] } }).synth();
    const read = (file: string) => JSON.parse(readFileSync(join(directory, file), 'utf8'));
    return {
      data: read(`reckoner-${name}-data.template.json`),
      service: read(`reckoner-${name}-service.template.json`),
      validationReport: read('validation-report.json'),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * The templates of a stage, for tests of what is in them. CloudFormation's own rules take seconds to check and are left
 * out: the test of the app holds every stage against them.
 */
export function templatesOf(stage: Stage | string): Pick<Assembly, 'data' | 'service'> {
  return synthesize(stage, { isLocal: true });
}

/** The resources of a type, by logical id. */
export function resourcesOf(template: Template, type: string): [string, Resource][] {
  return Object.entries(template.Resources).filter(([, resource]) => resource.Type === type);
}

/** The one resource of a type whose logical id starts so. @throws when there is none or more than one. */
export function resourceOf(template: Template, type: string, start = ''): Resource {
  const found = resourcesOf(template, type).filter(([id]) => id.startsWith(start));
  const [only] = found;
  if (only === undefined || found.length > 1) {
    throw new Error(`The template has ${found.length} resources of type ${type} whose ids start with "${start}".`);
  }
  return only[1];
}

/** The logical id of the one resource of a type whose id starts so. */
export function idOf(template: Template, type: string, start = ''): string {
  const resource = resourceOf(template, type, start);
  return resourcesOf(template, type).find(([, other]) => other === resource)?.[0] ?? '';
}

export interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

/** What the policies in a template allow the role whose logical id starts so, in the order of the policies. */
export function statementsOf(template: Template, roleStart: string): Statement[] {
  const role = idOf(template, 'AWS::IAM::Role', roleStart);
  return resourcesOf(template, 'AWS::IAM::Policy')
    .map(([, { Properties }]) => Properties as { Roles: { Ref: string }[]; PolicyDocument: { Statement: Statement[] } })
    .filter(({ Roles }) => Roles.some(({ Ref }) => Ref === role))
    .flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
}

/** One or several, as policies may write either. */
export function listed<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T];
}
