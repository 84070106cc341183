/**
 * Every function: what it is for, its size, and all it may do. This table is the whole of the service's permissions;
 * a function gets the name of each resource it may use in the environment variable beside it, and nothing else.
 */
export const functions = {
  'api/ledger': {
    purpose: 'Accounts, charges, transfers and statements',
    memoryMiB: 1024,
    timeoutSeconds: 10,
    may: {
      ledger: ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:GetItem'],
      ledgerDays: ['dynamodb:Query'],
      operations: ['dynamodb:Query'],
    },
  },
  'api/usage': {
    purpose: 'Takes in usage events',
    memoryMiB: 1024,
    timeoutSeconds: 20,
    may: {
      usage: ['dynamodb:PutItem'],
    },
  },
  'api/operations': {
    purpose: 'Rate cards, controls, API keys, reconciliations, imports and the OpenAPI document',
    memoryMiB: 1024,
    // What a rate card would have changed may take longer than all else; API Gateway gives up after 30 (AWS limit).
    timeoutSeconds: 29,
    may: {
      operations: ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:GetItem', 'dynamodb:Query'],
      usage: ['dynamodb:Query'],
      reconcile: ['states:StartExecution'],
      // Those below are never called: the links that the function signs are good for what its role may do.
      reconciliations: ['s3:GetObject'],
      importErrors: ['s3:GetObject'],
      imports: ['s3:PutObject'],
    },
  },
  'api/authorizer': {
    purpose: 'Says what the holder of an API key may do',
    memoryMiB: 512,
    timeoutSeconds: 5,
    may: {
      // The update notes the day on which a key was used.
      operations: ['dynamodb:GetItem', 'dynamodb:UpdateItem'],
    },
  },
  'workflow/plan-reconciliation': {
    purpose: 'Divides a reconciliation run into slices',
    memoryMiB: 1024,
    timeoutSeconds: 60,
    may: {
      operations: ['dynamodb:PutItem'],
      reconciliations: ['s3:PutObject'],
    },
  },
  'workflow/reconcile-slice': {
    purpose: 'Compares usage with the ledger for some account buckets and days',
    memoryMiB: 1769,
    timeoutSeconds: 900,
    may: {
      ledger: ['dynamodb:GetItem'],
      ledgerIndexes: ['dynamodb:Query'],
      usage: ['dynamodb:Query'],
      operations: ['dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      reconciliations: ['s3:PutObject'],
    },
  },
  'workflow/summarise-reconciliation': {
    purpose: "Adds up a run's slices and writes its reports",
    memoryMiB: 1769,
    timeoutSeconds: 900,
    may: {
      operations: ['dynamodb:UpdateItem'],
      reconciliations: ['s3:GetObject', 's3:PutObject'],
    },
  },
  'workflow/fail-reconciliation': {
    purpose: 'Records that a run failed and why',
    memoryMiB: 512,
    timeoutSeconds: 30,
    may: {
      operations: ['dynamodb:UpdateItem'],
    },
  },
  'events/import-usage': {
    purpose: 'Reads usage files dropped in the import bucket',
    memoryMiB: 1769,
    timeoutSeconds: 900,
    may: {
      importQueue: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
      imports: ['s3:GetObject'],
      importErrors: ['s3:PutObject'],
      usage: ['dynamodb:PutItem'],
      operations: ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:GetItem'],
    },
  },
  'admin/create-key': {
    purpose: "Makes the first API key; invoked by the AWS account's owner only",
    memoryMiB: 512,
    timeoutSeconds: 30,
    may: {
      operations: ['dynamodb:PutItem'],
    },
  },
} satisfies Record<string, FunctionDefinition>;

export type FunctionName = keyof typeof functions;

export const functionNames = Object.keys(functions) as FunctionName[];

/** One row of the table. */
export interface FunctionDefinition {
  readonly purpose: string;
  /** Memory, and CPU with it: 1,769 MiB is one whole virtual CPU. */
  readonly memoryMiB: number;
  readonly timeoutSeconds: number;
  /** IAM actions by what they may be done to. */
  readonly may: Partial<Record<ResourceName, readonly string[]>>;
}

/** What permissions are given on, and the environment variable that tells a function its name (or ARN). */
export const environmentVariables = {
  ledger: 'LEDGER_TABLE',
  ledgerIndexes: 'LEDGER_TABLE',
  /** The two indexes that list an account's transfers by day. */
  ledgerDays: 'LEDGER_TABLE',
  usage: 'USAGE_TABLE',
  operations: 'OPERATIONS_TABLE',
  /** Objects under `imports/` of the artifacts bucket: what imports refused. */
  importErrors: 'ARTIFACTS_BUCKET',
  /** Objects under `reconciliations/` of the artifacts bucket. */
  reconciliations: 'ARTIFACTS_BUCKET',
  /** Objects under `imports/` of the import bucket. */
  imports: 'IMPORT_BUCKET',
  /** Read by the event source mapping in the function's name; the function itself has no use for its name. */
  importQueue: undefined,
  reconcile: 'RECONCILE_STATE_MACHINE_ARN',
} as const;

export type ResourceName = keyof typeof environmentVariables;

/** The end of a function's name as an identifier: `workflow/plan-reconciliation` is `PlanReconciliation`. */
export function pascalName(name: FunctionName): string {
  const words = name.slice(name.lastIndexOf('/') + 1).split('-');
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}
