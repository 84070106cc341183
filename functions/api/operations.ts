import { randomBytes, randomUUID } from 'node:crypto';
import { chart } from '../../config/chart.ts';
import { openApiDocument } from '../../contract/openapi.ts';
import { ok } from '../runtime/answers.ts';
import { dynamoDb, s3ForLinks, stepFunctions } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { apiHandler } from '../runtime/pipeline.ts';
import { type ControlDeps, getLedgerControl, setLedgerControl } from './controls.ts';
import { createImport, getImport, type ImportDeps } from './imports.ts';
import { createKey, getKey, type KeyDeps, listKeys, revokeKey, rotateKey } from './keys.ts';
import { type EffectDeps, rateCardEffectOn } from './rate-card-effect.ts';
import { listRateCards, previewPrice, publishRateCard, type RateCardDeps } from './rate-cards.ts';
import {
  getReconciliation,
  listReconciliations,
  type ReconciliationDeps,
  startReconciliation,
} from './reconciliations.ts';

export type OperationsDeps = ReconciliationDeps & ImportDeps & ControlDeps & RateCardDeps & EffectDeps & KeyDeps;

export const makeHandler = (deps: OperationsDeps) =>
  apiHandler('api/operations', {
    startReconciliation: (request) => startReconciliation(deps, request),
    getReconciliation: (request) => getReconciliation(deps, request),
    listReconciliations: () => listReconciliations(deps),
    createImport: (request) => createImport(deps, request),
    getImport: (request) => getImport(deps, request),
    listRateCards: (request) => listRateCards(deps, request),
    publishRateCard: (request) => publishRateCard(deps, request),
    previewPrice: (request) => previewPrice(deps, request),
    rateCardEffect: (request) => rateCardEffectOn(deps, request),
    getLedgerControl: () => getLedgerControl(deps),
    setLedgerControl: (request) => setLedgerControl(deps, request),
    createKey: (request) => createKey(deps, request),
    listKeys: (request) => listKeys(deps, request),
    getKey: (request) => getKey(deps, request),
    rotateKey: (request) => rotateKey(deps, request),
    revokeKey: (request) => revokeKey(deps, request),
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
    evidence: { client: dynamoDb(), usageTable: environment('USAGE_TABLE').USAGE_TABLE },
    keys: operations,
    artifacts: { client, bucket: ARTIFACTS_BUCKET },
    dropZone: { client, bucket: IMPORT_BUCKET },
    workflows: stepFunctions(),
    reconcileArn: RECONCILE_STATE_MACHINE_ARN,
    chart,
    now: () => new Date().toISOString(),
    newId: randomUUID,
    stage: environment('STAGE').STAGE,
    random: randomBytes,
  };
}
