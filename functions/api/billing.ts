import { randomUUID } from 'node:crypto';
import { chart } from '../../config/chart.ts';
import { invoicesRoutes } from '../../contract/routes/invoices.ts';
import { dynamoDb, s3ForLinks, stepFunctions } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { apiHandler } from '../runtime/pipeline.ts';
import {
  type BillingRunDeps,
  beginBillingRun,
  getBillingRun,
  listBillingRuns,
  startBillingRun,
} from './billing-runs.ts';
import { diffInvoice, getInvoice, type InvoiceDeps, listInvoices, voidInvoice } from './invoices.ts';

export type BillingApiDeps = BillingRunDeps & InvoiceDeps;

export const makeHandler = (deps: BillingApiDeps) =>
  apiHandler('api/billing', invoicesRoutes, {
    startBillingRun: (request) => startBillingRun(deps, request),
    beginBillingRun: (request) => beginBillingRun(deps, request),
    listBillingRuns: () => listBillingRuns(deps),
    getBillingRun: (request) => getBillingRun(deps, request),
    listInvoices: (request) => listInvoices(deps, request),
    getInvoice: (request) => getInvoice(deps, request),
    diffInvoice: (request) => diffInvoice(deps, request),
    voidInvoice: (request) => voidInvoice(deps, request),
  });

export const handler = lazily(() => {
  const names = environment('BILLING_TABLE', 'OPERATIONS_TABLE', 'ARTIFACTS_BUCKET', 'INVOICES_STATE_MACHINE_ARN');
  const client = dynamoDb();
  return makeHandler({
    runs: { client, operationsTable: names.OPERATIONS_TABLE },
    invoices: { client, billingTable: names.BILLING_TABLE },
    artifacts: { client: s3ForLinks(), bucket: names.ARTIFACTS_BUCKET },
    workflows: stepFunctions(),
    invoicesArn: names.INVOICES_STATE_MACHINE_ARN,
    chart,
    now: () => new Date().toISOString(),
    newId: randomUUID,
  });
});
