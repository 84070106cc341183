import { randomUUID } from 'node:crypto';
import { chart } from '../../config/chart.ts';
import { openApiDocument } from '../../contract/openapi.ts';
import { ok } from '../runtime/answers.ts';
import { dynamoDb, s3ForLinks, stepFunctions } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { apiHandler } from '../runtime/pipeline.ts';
import { createImport, getImport, type ImportDeps } from './imports.ts';
import {
  getReconciliation,
  listReconciliations,
  type ReconciliationDeps,
  startReconciliation,
} from './reconciliations.ts';
import { getLedgerControl, listRateCards, publishRateCard, type SettingsDeps, setLedgerControl } from './settings.ts';

export type OperationsDeps = ReconciliationDeps & ImportDeps & SettingsDeps;

export const makeHandler = (deps: OperationsDeps) =>
  apiHandler('api/operations', {
    startReconciliation: (request) => startReconciliation(deps, request),
    getReconciliation: (request) => getReconciliation(deps, request),
    listReconciliations: () => listReconciliations(deps),
    createImport: (request) => createImport(deps, request),
    getImport: (request) => getImport(deps, request),
    listRateCards: () => listRateCards(deps),
    publishRateCard: (request) => publishRateCard(deps, request),
    getLedgerControl: () => getLedgerControl(deps),
    setLedgerControl: (request) => setLedgerControl(deps, request),
    getOpenApi: async () => ok(200, openApiDocument()),
  });

export const handler = lazily(() => makeHandler(productionDeps()));

function productionDeps(): OperationsDeps {
  const names = ['OPERATIONS_TABLE', 'ARTIFACTS_BUCKET', 'IMPORT_BUCKET', 'RECONCILE_STATE_MACHINE_ARN'] as const;
  const { OPERATIONS_TABLE, ARTIFACTS_BUCKET, IMPORT_BUCKET, RECONCILE_STATE_MACHINE_ARN } = environment(...names);
  const operations = { client: dynamoDb(), operationsTable: OPERATIONS_TABLE };
  const client = s3ForLinks();
  return {
    runs: operations,
    imports: operations,
    settings: operations,
    artifacts: { client, bucket: ARTIFACTS_BUCKET },
    dropZone: { client, bucket: IMPORT_BUCKET },
    workflows: stepFunctions(),
    reconcileArn: RECONCILE_STATE_MACHINE_ARN,
    chart,
    now: () => new Date().toISOString(),
    newId: randomUUID,
  };
}
