import { randomUUID } from 'node:crypto';
import { chart } from '../../config/chart.ts';
import { batchesRoutes } from '../../contract/routes/batches.ts';
import { grantsRoutes } from '../../contract/routes/grants.ts';
import { holdsRoutes } from '../../contract/routes/holds.ts';
import { ledgerRoutes } from '../../contract/routes/ledger.ts';
import { systemClock } from '../../store/retry.ts';
import { dynamoDb } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { apiHandler } from '../runtime/pipeline.ts';
import { createSettingsCache } from '../runtime/settings.ts';
import { getAccountTree } from './account-tree.ts';
import { changeStatus, getAccount, openAccount, setCreditLimit } from './accounts.ts';
import { postBatch } from './batches.ts';
import { capture, release } from './captures.ts';
import { charge } from './charges.ts';
import { getGrants, grant } from './grants.ts';
import { listAccountHolds, listHolds } from './hold-lists.ts';
import { getHoldById, hold } from './holds.ts';
import type { LedgerDeps } from './ledger-deps.ts';
import { getTransferWithReversals, reverseTransfer } from './reversals.ts';
import { getBalance, getStatement, getUsage } from './statements.ts';
import { transfer } from './transfers.ts';

const ledgerContract = { ...ledgerRoutes, ...batchesRoutes, ...grantsRoutes, ...holdsRoutes };

export const makeHandler = (deps: LedgerDeps) =>
  apiHandler('api/ledger', ledgerContract, {
    openAccount: (request) => openAccount(deps, request),
    getAccount: (request) => getAccount(deps, request),
    freezeAccount: (request) => changeStatus(deps, 'freeze', request),
    unfreezeAccount: (request) => changeStatus(deps, 'unfreeze', request),
    closeAccount: (request) => changeStatus(deps, 'close', request),
    setCreditLimit: (request) => setCreditLimit(deps, request),
    getStatement: (request) => getStatement(deps, request),
    getBalance: (request) => getBalance(deps, request),
    getUsage: (request) => getUsage(deps, request),
    getAccountTree: (request) => getAccountTree(deps, request),
    postCharge: (request) => charge(deps, request),
    postTransfer: (request) => transfer(deps, request),
    postBatch: (request) => postBatch(deps, request),
    getTransfer: (request) => getTransferWithReversals(deps, request),
    postGrant: (request) => grant(deps, request),
    getGrants: (request) => getGrants(deps, request),
    reverseTransfer: (request) => reverseTransfer(deps, request),
    createHold: (request) => hold(deps, request),
    captureHold: (request) => capture(deps, request),
    releaseHold: (request) => release(deps, request),
    getHold: (request) => getHoldById(deps, request),
    listAccountHolds: (request) => listAccountHolds(deps, request),
    listHolds: (request) => listHolds(deps, request),
  });

export const handler = lazily(() => makeHandler(productionDeps()));

function productionDeps(): LedgerDeps {
  const { LEDGER_TABLE, OPERATIONS_TABLE } = environment('LEDGER_TABLE', 'OPERATIONS_TABLE');
  const client = dynamoDb();
  return {
    store: {
      client,
      ledgerTable: LEDGER_TABLE,
      clock: systemClock,
      newId: randomUUID,
      listed: new Set(),
      grants: new Map(),
    },
    audit: { client, operationsTable: OPERATIONS_TABLE },
    settings: createSettingsCache({ client, operationsTable: OPERATIONS_TABLE }, Date.now),
    chart,
    now: () => new Date().toISOString(),
  };
}
