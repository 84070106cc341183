/**
 * Every function: what it is for, its size, and all it may do. This table is the whole of the service's permissions;
 * a function gets the name of each resource it may use in the environment variable beside it, and nothing else.
 */
export const functions = {
  'api/ledger': {
    purpose: 'Accounts, charges, transfers and statements',
    memoryMiB: 1024,
    // A batch tells of every element also where settings, writes and reads each take their deadline.
    timeoutSeconds: 25,
    may: {
      ledger: ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:GetItem', 'dynamodb:BatchGetItem'],
      ledgerIndexes: ['dynamodb:Query'],
      // The put is of audit records: who froze, closed or limited an account.
      operations: ['dynamodb:Query', 'dynamodb:PutItem'],
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
    purpose:
      'Rate cards, controls, API keys, approvals, the audit chain, reconciliations, repairs, imports, the OpenAPI document',
    memoryMiB: 1024,
    // What a rate card would have changed may take longer than all else; API Gateway gives up after 30 (AWS limit).
    timeoutSeconds: 29,
    may: {
      operations: ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:GetItem', 'dynamodb:Query'],
      usage: ['dynamodb:Query'],
      reconcile: ['states:StartExecution'],
      bulkQueue: ['sqs:SendMessage'],
      seal: ['states:StartExecution'],
      repair: ['states:StartExecution'],
      seals: ['s3:ListBucket'],
      anchors: ['s3:GetObject'],
      // Those below are never called: the links that the function signs are good for what its role may do.
      reconciliations: ['s3:GetObject'],
      repairs: ['s3:GetObject', 's3:PutObject'],
      sealRuns: ['s3:GetObject'],
      importErrors: ['s3:GetObject'],
      imports: ['s3:PutObject'],
    },
  },
  'api/billing': {
    purpose: 'Invoices and billing runs',
    memoryMiB: 1024,
    timeoutSeconds: 20,
    may: {
      billing: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem'],
      // The puts are of runs and audit records, the update is of approvals that are used up.
      operations: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      invoicing: ['states:StartExecution'],
      // Never called: the links that the function signs are good for what its role may do.
      billingRuns: ['s3:GetObject', 's3:PutObject'],
      // Called to see whether an invoice has a page, and signed too.
      invoices: ['s3:GetObject'],
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
    purpose: 'Divides a reconciliation run into slices, and draws the sample of a spot check',
    memoryMiB: 1024,
    timeoutSeconds: 60,
    may: {
      ledgerAccounts: ['dynamodb:Query'],
      usage: ['dynamodb:Query'],
      operations: ['dynamodb:Query', 'dynamodb:PutItem'],
      reconciliations: ['s3:PutObject'],
    },
  },
  'workflow/reconcile-slice': {
    purpose: 'Compares usage with the ledger, or the ledger with invoices, for some account buckets',
    memoryMiB: 1769,
    timeoutSeconds: 900,
    may: {
      ledger: ['dynamodb:GetItem', 'dynamodb:BatchGetItem'],
      ledgerIndexes: ['dynamodb:Query'],
      usage: ['dynamodb:Query'],
      billing: ['dynamodb:GetItem', 'dynamodb:Query'],
      operations: ['dynamodb:Query', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      reconciliations: ['s3:PutObject'],
    },
  },
  'workflow/plan-repair': {
    purpose: 'Plans a repair or a rollback, and posts nothing',
    memoryMiB: 1769,
    timeoutSeconds: 900,
    may: {
      ledger: ['dynamodb:GetItem', 'dynamodb:BatchGetItem'],
      ledgerDays: ['dynamodb:Query'],
      usage: ['dynamodb:Query'],
      // The puts are of approvals and audit records.
      operations: ['dynamodb:Query', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      reconciliations: ['s3:GetObject'],
      repairs: ['s3:GetObject', 's3:PutObject'],
    },
  },
  'workflow/take-repair': {
    purpose: 'Takes a repair for one execution that applies it',
    memoryMiB: 512,
    timeoutSeconds: 30,
    may: {
      operations: ['dynamodb:Query', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      repairs: ['s3:GetObject'],
    },
  },
  'workflow/apply-repair-part': {
    purpose: 'Checks a part of a repair, or posts it',
    memoryMiB: 1024,
    timeoutSeconds: 900,
    may: {
      ledger: ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:GetItem'],
      ledgerDays: ['dynamodb:Query'],
      // The put is of rulings; no function may change evidence.
      usage: ['dynamodb:Query', 'dynamodb:PutItem'],
      operations: ['dynamodb:Query', 'dynamodb:GetItem', 'dynamodb:PutItem'],
      repairs: ['s3:GetObject', 's3:PutObject'],
    },
  },
  'workflow/back-up-ledger': {
    purpose: 'Requests a backup of the ledger before much is moved',
    memoryMiB: 512,
    timeoutSeconds: 30,
    may: {
      ledger: ['dynamodb:CreateBackup'],
      operations: ['dynamodb:Query', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
    },
  },
  'workflow/verify-repair': {
    purpose: 'Has a reconciliation verify a repair',
    memoryMiB: 512,
    timeoutSeconds: 30,
    may: {
      operations: ['dynamodb:Query', 'dynamodb:GetItem', 'dynamodb:PutItem'],
      reconcile: ['states:StartExecution'],
    },
  },
  'workflow/finish-repair': {
    purpose: 'Records how a repair ended and what became of its steps',
    memoryMiB: 1024,
    timeoutSeconds: 300,
    may: {
      operations: ['dynamodb:Query', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      repairs: ['s3:GetObject', 's3:PutObject'],
    },
  },
  'workflow/fail-repair': {
    purpose: 'Records that a repair failed and why',
    memoryMiB: 512,
    timeoutSeconds: 30,
    may: {
      operations: ['dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
    },
  },
  'workflow/sweep-expired': {
    purpose: 'Ends what has expired, every minute: holds and grants',
    memoryMiB: 512,
    // Takes on nothing more after 40 seconds; what it has begun may meet a table that answers slowly.
    timeoutSeconds: 120,
    may: {
      ledger: ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:GetItem', 'dynamodb:BatchGetItem'],
      ledgerExpiries: ['dynamodb:Query'],
      operations: ['dynamodb:GetItem', 'dynamodb:UpdateItem'],
    },
  },
  'workflow/summarise-reconciliation': {
    purpose: "Adds up a run's slices and writes its reports",
    memoryMiB: 1769,
    timeoutSeconds: 900,
    may: {
      // The item that is got is the billing run that made the last month's invoices.
      operations: ['dynamodb:Query', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      reconciliations: ['s3:GetObject', 's3:PutObject'],
    },
  },
  'workflow/fail-reconciliation': {
    purpose: 'Records that a run failed and why',
    memoryMiB: 512,
    timeoutSeconds: 30,
    may: {
      operations: ['dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
    },
  },
  'workflow/plan-seal': {
    purpose: 'Verifies the chain of seals and divides a sealing or a verification into slices',
    memoryMiB: 1769,
    timeoutSeconds: 300,
    may: {
      // Of days that something was recorded for late, which stand in the same index.
      ledgerExpiries: ['dynamodb:Query'],
      operations: ['dynamodb:Query', 'dynamodb:GetItem', 'dynamodb:PutItem'],
      seals: ['s3:ListBucketVersions'],
      sealObjects: ['s3:GetObject', 's3:GetObjectVersion'],
      sealRuns: ['s3:PutObject'],
    },
  },
  'workflow/seal-slice': {
    purpose: 'Seals some account buckets of a day, or compares them with their seal',
    memoryMiB: 1769,
    timeoutSeconds: 900,
    may: {
      ledgerIndexes: ['dynamodb:Query'],
      operations: ['dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      // Versions are for what was hidden or written over since it was sealed.
      seals: ['s3:ListBucketVersions'],
      sealObjects: ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject'],
      sealRuns: ['s3:PutObject'],
    },
  },
  'workflow/close-seal': {
    purpose: 'Chains a seal, or sums up what a verification found',
    memoryMiB: 1769,
    timeoutSeconds: 900,
    may: {
      operations: ['dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      seals: ['s3:ListBucketVersions'],
      sealObjects: ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject'],
      sealRuns: ['s3:GetObject', 's3:PutObject'],
    },
  },
  'workflow/fail-seal': {
    purpose: 'Records that a sealing or a verification failed and why',
    memoryMiB: 512,
    timeoutSeconds: 30,
    may: {
      operations: ['dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
    },
  },
  'workflow/plan-invoices': {
    purpose: 'Takes a billing run and divides it into slices; reads a file of lines whole before any is written',
    memoryMiB: 1769,
    timeoutSeconds: 900,
    may: {
      ledger: ['dynamodb:BatchGetItem'],
      ledgerIndexes: ['dynamodb:Query'],
      billing: ['dynamodb:GetItem', 'dynamodb:Query'],
      operations: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      billingRuns: ['s3:GetObject', 's3:PutObject'],
    },
  },
  'workflow/work-invoices': {
    purpose:
      'Does slices of a billing run: builds, reviews, numbers or writes out the invoices of some accounts, or tells them',
    memoryMiB: 1769,
    timeoutSeconds: 900,
    may: {
      ledger: ['dynamodb:GetItem', 'dynamodb:BatchGetItem'],
      ledgerIndexes: ['dynamodb:Query'],
      billing: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem'],
      operations: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem'],
      billingRuns: ['s3:GetObject', 's3:PutObject'],
      invoices: ['s3:PutObject'],
      notices: ['sns:Publish'],
    },
  },
  'workflow/close-invoices': {
    purpose: 'Adds up what a billing run came to, writes its reports, and asks for the approval of a review',
    memoryMiB: 1769,
    timeoutSeconds: 900,
    may: {
      operations: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      billingRuns: ['s3:GetObject', 's3:PutObject'],
      invoices: ['s3:PutObject'],
    },
  },
  'workflow/fail-invoices': {
    purpose: 'Records that a billing run failed and why',
    memoryMiB: 512,
    timeoutSeconds: 30,
    may: {
      operations: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
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
  'events/anchor-audit': {
    purpose: 'Verifies the audit chain every day and keeps its head where nobody can rewrite it',
    memoryMiB: 1769,
    timeoutSeconds: 900,
    may: {
      operations: ['dynamodb:Query'],
      seals: ['s3:ListBucket'],
      // The put is on the condition that the day has none; what is there is then read and compared.
      anchors: ['s3:GetObject', 's3:PutObject'],
    },
  },
  'events/export-audit': {
    purpose: 'Exports the audit records of a month',
    memoryMiB: 1769,
    timeoutSeconds: 900,
    may: {
      operations: ['dynamodb:Query'],
      auditExports: ['s3:GetObject', 's3:PutObject'],
    },
  },
  'events/post-bulk': {
    purpose: 'Posts charges and transfers that were handed in to be posted in the background',
    memoryMiB: 1024,
    // Ten parts of a second each; a slow table may take a part to half a minute.
    timeoutSeconds: 120,
    may: {
      bulkFeed: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
      ledger: ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:BatchGetItem'],
      operations: ['dynamodb:Query', 'dynamodb:GetItem', 'dynamodb:PutItem'],
    },
  },
  'admin/create-key': {
    purpose: "Makes the first API key; invoked by the AWS account's owner only",
    memoryMiB: 512,
    timeoutSeconds: 30,
    may: {
      operations: ['dynamodb:Query', 'dynamodb:PutItem'],
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
  /** The index that lists what expires; it lists what credits an account too. */
  ledgerExpiries: 'LEDGER_TABLE',
  /** The index that lists accounts. */
  ledgerAccounts: 'LEDGER_TABLE',
  usage: 'USAGE_TABLE',
  operations: 'OPERATIONS_TABLE',
  billing: 'BILLING_TABLE',
  /** Objects under `imports/` of the artifacts bucket: what imports refused. */
  importErrors: 'ARTIFACTS_BUCKET',
  /** Objects under `reconciliations/` of the artifacts bucket. */
  reconciliations: 'ARTIFACTS_BUCKET',
  /** Objects under `repairs/` of the artifacts bucket. */
  repairs: 'ARTIFACTS_BUCKET',
  /** Objects under `billing-runs/` of the artifacts bucket. */
  billingRuns: 'ARTIFACTS_BUCKET',
  /** Objects under `invoices/` of the artifacts bucket. */
  invoices: 'ARTIFACTS_BUCKET',
  /** Objects under `audit/` of the artifacts bucket. */
  auditExports: 'ARTIFACTS_BUCKET',
  /** The bucket with Object Lock itself, to list what is in it. */
  seals: 'SEALS_BUCKET',
  /** Objects under `anchors/` of that bucket. */
  anchors: 'SEALS_BUCKET',
  /** Objects under `seals/` of that bucket: seals of the ledger. */
  sealObjects: 'SEALS_BUCKET',
  /** Objects under `seals/` of the artifacts bucket: what sealings and verifications leave. */
  sealRuns: 'ARTIFACTS_BUCKET',
  /** Objects under `imports/` of the import bucket. */
  imports: 'IMPORT_BUCKET',
  /** Read by the event source mapping in the function's name; the function itself has no use for its name. */
  importQueue: undefined,
  /** The queue of bulks, for whoever sends to it, and for the function that is fed from it. */
  bulkQueue: 'BULK_QUEUE_URL',
  bulkFeed: undefined,
  /** The topic of notices to customers. */
  notices: 'NOTICES_TOPIC_ARN',
  reconcile: 'RECONCILE_STATE_MACHINE_ARN',
  seal: 'SEAL_STATE_MACHINE_ARN',
  repair: 'REPAIR_STATE_MACHINE_ARN',
  invoicing: 'INVOICES_STATE_MACHINE_ARN',
} as const;

export type ResourceName = keyof typeof environmentVariables;

/** The end of a function's name as an identifier: `workflow/plan-reconciliation` is `PlanReconciliation`. */
export function pascalName(name: FunctionName): string {
  const words = name.slice(name.lastIndexOf('/') + 1).split('-');
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}
