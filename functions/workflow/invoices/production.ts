import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { approvalPolicy } from '../../../config/approvals.ts';
import { billingPolicy } from '../../../config/billing.ts';
import { chart } from '../../../config/chart.ts';
import { readNoticeTemplates } from '../../../config/notices.ts';
import { readSettings } from '../../../store/settings.ts';
import { dynamoDbForPages, s3, snsOnce } from '../../runtime/clients.ts';
import { environment } from '../../runtime/environment.ts';
import type { BillingDeps } from './job.ts';

/**
 * What billing runs work with on AWS. The steps share it and are not all given the same: a table that a step may not use
 * has no name there (lib/functions.ts), and asking it fails.
 */
export function productionDeps(): BillingDeps {
  const names = environment('OPERATIONS_TABLE', 'ARTIFACTS_BUCKET');
  const { LEDGER_TABLE = '', BILLING_TABLE = '' } = process.env;
  const client = dynamoDbForPages();
  const operations = { client, operationsTable: names.OPERATIONS_TABLE };
  return {
    runs: operations,
    invoices: { client, billingTable: BILLING_TABLE },
    ledger: { client, ledgerTable: LEDGER_TABLE },
    artifacts: { client: s3(), bucket: names.ARTIFACTS_BUCKET },
    chart,
    policy: billingPolicy,
    approvals: approvalPolicy,
    readRateCards: async () => (await readSettings(operations)).rateCards,
    readNoticeTemplates,
    notifier: () => ({ client: snsOnce(), topicArn: environment('NOTICES_TOPIC_ARN').NOTICES_TOPIC_ARN }),
    newId: randomUUID,
    now: () => new Date().toISOString(),
    wait: (milliseconds) => setTimeout(milliseconds),
  };
}
