import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { Stage } from '../config/stages.ts';
import {
  ANCHORS_PREFIX,
  AUDIT_PREFIX,
  BILLING_RUNS_PREFIX,
  IMPORT_PREFIX,
  INVOICES_PREFIX,
  RECONCILIATIONS_PREFIX,
  REPAIRS_PREFIX,
  SEALS_PREFIX,
} from './buckets.ts';
import { codeOfFunctions } from './bundle.ts';
import type { DataStack } from './data-stack.ts';
import {
  environmentVariables,
  type FunctionDefinition,
  type FunctionName,
  functionNames,
  functions,
  pascalName,
  type ResourceName,
} from './functions.ts';
import { HouseFunction, type Permission } from './house-function.ts';
import { LEDGER_ACCOUNT_INDEX, LEDGER_DAY_INDEXES, LEDGER_EXPIRY_INDEX, LEDGER_INDEXES } from './tables.ts';

export interface ServiceFunctionsProps {
  readonly stage: Stage;
  readonly data: DataStack;
  /** ARN of the state machine that reconciles; may be a token that is resolved later. */
  readonly reconcileArn: string;
  /** ARN of the one that seals. */
  readonly sealArn: string;
  /** ARN of the one that repairs. */
  readonly repairArn: string;
  /** ARN of the one that runs billing runs. */
  readonly invoicesArn: string;
}

/** The functions of the table in functions.ts, with permissions and environment as it says. */
export class ServiceFunctions extends Construct {
  private readonly made: ReadonlyMap<string, IFunction>;

  constructor(scope: Construct, id: string, props: ServiceFunctionsProps) {
    super(scope, id);
    const codeOf = codeOfFunctions(this, functionNames);
    const resources = resourcesOf(props);
    this.made = new Map(
      functionNames.map((name) => {
        const definition: FunctionDefinition = functions[name];
        const made = new HouseFunction(this, pascalName(name), {
          stage: props.stage,
          code: codeOf(name),
          description: definition.purpose,
          memoryMiB: definition.memoryMiB,
          timeoutSeconds: definition.timeoutSeconds,
          ...grantsOf(definition, resources),
        });
        return [name, made.lambda];
      }),
    );
  }

  /** @throws UnknownFunction when the table in functions.ts does not have it. */
  named(name: FunctionName | (string & {})): IFunction {
    const found = this.made.get(name);
    if (found === undefined) {
      const known = functionNames.join(', ');
      throw new UnknownFunction(`There is no "${name}" in lib/functions.ts, which has ${known}. Correct the name.`);
    }
    return found;
  }

  /** All of them, by the ends of their names as identifiers. */
  byPascalName(): Record<string, IFunction> {
    return Object.fromEntries(functionNames.map((name) => [pascalName(name), this.named(name)]));
  }
}

export class UnknownFunction extends Error {
  override name = 'UnknownFunction';
}

/** What a name in the table of functions.ts stands for. */
interface Resource {
  /** As policies name it. */
  readonly arns: readonly string[];
  readonly patternReason?: string;
  /** What the environment variable holds. */
  readonly value: string;
}

function resourcesOf(props: ServiceFunctionsProps): Readonly<Record<ResourceName, Resource>> {
  const { data, reconcileArn, sealArn, repairArn, invoicesArn } = props;
  const { ledger, usage, operations, billing } = data.tables;
  const { artifacts, imports, seals } = data.buckets;
  // The token that exportValue gives is the one that stands in the policy, which acknowledging a pattern needs.
  const artifactsArn = data.exportValue(artifacts.bucketArn);
  const importsArn = data.exportValue(imports.bucketArn);
  const sealsArn = data.exportValue(seals.bucketArn);
  const patternReason = 'Objects of one folder of a bucket, whose keys are made at run time.';
  return {
    ledger: { arns: [ledger.tableArn], value: ledger.tableName },
    ledgerIndexes: {
      arns: LEDGER_INDEXES.map((index) => `${ledger.tableArn}/index/${index}`),
      value: ledger.tableName,
    },
    ledgerDays: {
      arns: LEDGER_DAY_INDEXES.map((index) => `${ledger.tableArn}/index/${index}`),
      value: ledger.tableName,
    },
    ledgerExpiries: { arns: [`${ledger.tableArn}/index/${LEDGER_EXPIRY_INDEX}`], value: ledger.tableName },
    ledgerAccounts: { arns: [`${ledger.tableArn}/index/${LEDGER_ACCOUNT_INDEX}`], value: ledger.tableName },
    usage: { arns: [usage.tableArn], value: usage.tableName },
    operations: { arns: [operations.tableArn], value: operations.tableName },
    billing: { arns: [billing.tableArn], value: billing.tableName },
    importErrors: { arns: [`${artifactsArn}/${IMPORT_PREFIX}*`], patternReason, value: artifacts.bucketName },
    reconciliations: {
      arns: [`${artifactsArn}/${RECONCILIATIONS_PREFIX}*`],
      patternReason,
      value: artifacts.bucketName,
    },
    repairs: { arns: [`${artifactsArn}/${REPAIRS_PREFIX}*`], patternReason, value: artifacts.bucketName },
    billingRuns: { arns: [`${artifactsArn}/${BILLING_RUNS_PREFIX}*`], patternReason, value: artifacts.bucketName },
    invoices: { arns: [`${artifactsArn}/${INVOICES_PREFIX}*`], patternReason, value: artifacts.bucketName },
    auditExports: { arns: [`${artifactsArn}/${AUDIT_PREFIX}*`], patternReason, value: artifacts.bucketName },
    seals: { arns: [sealsArn], value: seals.bucketName },
    sealObjects: { arns: [`${sealsArn}/${SEALS_PREFIX}*`], patternReason, value: seals.bucketName },
    sealRuns: { arns: [`${artifactsArn}/${SEALS_PREFIX}*`], patternReason, value: artifacts.bucketName },
    anchors: { arns: [`${sealsArn}/${ANCHORS_PREFIX}*`], patternReason, value: seals.bucketName },
    imports: { arns: [`${importsArn}/${IMPORT_PREFIX}*`], patternReason, value: imports.bucketName },
    importQueue: { arns: [data.importQueue.queue.queueArn], value: data.importQueue.queue.queueUrl },
    bulkQueue: { arns: [data.bulkQueue.queue.queueArn], value: data.bulkQueue.queue.queueUrl },
    bulkFeed: { arns: [data.bulkQueue.queue.queueArn], value: data.bulkQueue.queue.queueUrl },
    notices: { arns: [data.notices.topicArn], value: data.notices.topicArn },
    reconcile: { arns: [reconcileArn], value: reconcileArn },
    seal: { arns: [sealArn], value: sealArn },
    repair: { arns: [repairArn], value: repairArn },
    invoicing: { arns: [invoicesArn], value: invoicesArn },
  };
}

/** The permissions and the environment that follow from a row of the table. */
function grantsOf(definition: FunctionDefinition, resources: Readonly<Record<ResourceName, Resource>>) {
  const environment: Record<string, string> = {};
  const permissions: Permission[] = [];
  for (const [name, actions] of Object.entries(definition.may) as [ResourceName, readonly string[]][]) {
    const { arns, patternReason, value } = resources[name];
    permissions.push({ actions, resources: arns, ...(patternReason === undefined ? {} : { patternReason }) });
    const variable = environmentVariables[name];
    if (variable !== undefined) environment[variable] = value;
  }
  return { environment, permissions };
}
