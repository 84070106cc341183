import { randomBytes, randomUUID } from 'node:crypto';
import { chart } from '../../config/chart.ts';
import { openApiDocument } from '../../contract/openapi.ts';
import { operations } from '../../contract/routes.ts';
import { ok } from '../runtime/answers.ts';
import { dynamoDb, s3, s3ForLinks, sqs, stepFunctions } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { apiHandler } from '../runtime/pipeline.ts';
import { type ApprovalDeps, decideApproval, getApproval, listApprovals } from './approvals.ts';
import { type AuditDeps, listAudit, listAuditAnchors } from './audit.ts';
import { type BulkDeps, getBulk, postBulk } from './bulk.ts';
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
import {
  applyRepair,
  getRepair,
  listRepairs,
  planImport,
  planRepair,
  type RepairDeps,
  rollBackRepair,
} from './repairs.ts';
import { getSeal, getSealVerification, listSeals, type SealDeps, startSeal, startSealVerification } from './seals.ts';

export type OperationsDeps = ReconciliationDeps &
  ImportDeps &
  ControlDeps &
  RateCardDeps &
  EffectDeps &
  KeyDeps &
  ApprovalDeps &
  AuditDeps &
  RepairDeps &
  SealDeps &
  BulkDeps;

export const makeHandler = (deps: OperationsDeps) =>
  apiHandler('api/operations', operations, {
    startReconciliation: (request) => startReconciliation(deps, request),
    getReconciliation: (request) => getReconciliation(deps, request),
    listReconciliations: (request) => listReconciliations(deps, request),
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
    listApprovals: (request) => listApprovals(deps, request),
    getApproval: (request) => getApproval(deps, request),
    approve: (request) => decideApproval(deps, 'approved', request),
    reject: (request) => decideApproval(deps, 'rejected', request),
    listAudit: (request) => listAudit(deps, request),
    listAuditAnchors: (request) => listAuditAnchors(deps, request),
    startSeal: (request) => startSeal(deps, request),
    getSeal: (request) => getSeal(deps, request),
    listSeals: (request) => listSeals(deps, request),
    startSealVerification: (request) => startSealVerification(deps, request),
    getSealVerification: (request) => getSealVerification(deps, request),
    postBulk: (request) => postBulk(deps, request),
    getBulk: (request) => getBulk(deps, request),
    planRepair: (request) => planRepair(deps, request),
    planImport: (request) => planImport(deps, request),
    listRepairs: () => listRepairs(deps),
    getRepair: (request) => getRepair(deps, request),
    applyRepair: (request) => applyRepair(deps, request),
    rollBackRepair: (request) => rollBackRepair(deps, request),
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
    repairs: operations,
    repairArn: environment('REPAIR_STATE_MACHINE_ARN').REPAIR_STATE_MACHINE_ARN,
    imports: operations,
    settings: operations,
    evidence: { client: dynamoDb(), usageTable: environment('USAGE_TABLE').USAGE_TABLE },
    keys: operations,
    audit: operations,
    bulks: operations,
    bulkQueue: { client: sqs(), url: environment('BULK_QUEUE_URL').BULK_QUEUE_URL },
    seals: { client: s3(), bucket: environment('SEALS_BUCKET').SEALS_BUCKET },
    artifacts: { client, bucket: ARTIFACTS_BUCKET },
    dropZone: { client, bucket: IMPORT_BUCKET },
    workflows: stepFunctions(),
    reconcileArn: RECONCILE_STATE_MACHINE_ARN,
    sealRuns: operations,
    sealArn: environment('SEAL_STATE_MACHINE_ARN').SEAL_STATE_MACHINE_ARN,
    chart,
    now: () => new Date().toISOString(),
    newId: randomUUID,
    stage: environment('STAGE').STAGE,
    random: randomBytes,
  };
}
