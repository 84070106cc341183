import { expect, test } from 'vitest';
import type { Installation } from '../../bin/boot.ts';
import { bootWithout } from './boot-without.ts';

function logOf({ cloud }: Installation, logicalIdPrefix: string): string {
  const found = cloud.resources.find(
    ({ type, logicalId }) => type === 'AWS::Lambda::Function' && logicalId.startsWith(logicalIdPrefix),
  );
  return cloud.functionLog(found?.physicalId ?? '').join('\n');
}

test('without its grant to update items, the ledger function is denied and says which grant is missing', async () => {
  const installation = await bootWithout('FunctionsLedgerRole', 'dynamodb:UpdateItem');
  await installation.client.openAccount({ body: { id: 'customer:acme' } });
  const answer = await installation.client.postTransfer({
    body: { id: 't-1', debit: 'platform:funding', credit: 'customer:acme', amount: 1, asset: 'TOKEN' },
  });
  expect(answer.status).toBe(500);
  expect(logOf(installation, 'FunctionsLedgerFunction')).toMatch(/AccessDenied.*dynamodb:UpdateItem/s);
  const missing = await installation.client.getTransfer({ params: { transferId: 't-1' } });
  expect(missing.status).toBe(404);
});

test('without its grant to start the workflow, no reconciliation begins', async () => {
  const installation = await bootWithout('FunctionsOperationsRole', 'states:StartExecution');
  const day = new Date().toISOString().slice(0, 10);
  const answer = await installation.client.startReconciliation({ body: { startDate: day, endDate: day } });
  expect(answer.status).toBe(500);
  expect(logOf(installation, 'FunctionsOperationsFunction')).toMatch(/AccessDenied.*states:StartExecution/s);
});
