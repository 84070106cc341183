import { randomUUID } from 'node:crypto';
import { chart } from '../../config/chart.ts';
import { systemClock } from '../../store/retry.ts';
import { dynamoDb } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { apiHandler } from '../runtime/pipeline.ts';
import { createSettingsCache } from '../runtime/settings.ts';
import { changeStatus, getAccount, openAccount, setCreditLimit } from './accounts.ts';
import { charge } from './charges.ts';
import type { LedgerDeps } from './ledger-deps.ts';
import { getTransferWithReversals, reverseTransfer } from './reversals.ts';
import { getBalance, getStatement, getUsage } from './statements.ts';
import { transfer } from './transfers.ts';

export const makeHandler = (deps: LedgerDeps) =>
  apiHandler('api/ledger', {
    openAccount: (request) => openAccount(deps, request),
    getAccount: (request) => getAccount(deps, request),
    freezeAccount: (request) => changeStatus(deps, 'freeze', request),
    unfreezeAccount: (request) => changeStatus(deps, 'unfreeze', request),
    closeAccount: (request) => changeStatus(deps, 'close', request),
    setCreditLimit: (request) => setCreditLimit(deps, request),
    getStatement: (request) => getStatement(deps, request),
    getBalance: (request) => getBalance(deps, request),
    getUsage: (request) => getUsage(deps, request),
    postCharge: (request) => charge(deps, request),
    postTransfer: (request) => transfer(deps, request),
    getTransfer: (request) => getTransferWithReversals(deps, request),
    reverseTransfer: (request) => reverseTransfer(deps, request),
  });

export const handler = lazily(() => makeHandler(productionDeps()));

function productionDeps(): LedgerDeps {
  const { LEDGER_TABLE, OPERATIONS_TABLE } = environment('LEDGER_TABLE', 'OPERATIONS_TABLE');
  const client = dynamoDb();
  return {
    store: { client, ledgerTable: LEDGER_TABLE, clock: systemClock, newId: randomUUID, listed: new Set() },
    settings: createSettingsCache({ client, operationsTable: OPERATIONS_TABLE }, Date.now),
    chart,
    now: () => new Date().toISOString(),
  };
}
