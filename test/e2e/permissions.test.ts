import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { boot, type Installation } from '../../bin/boot.ts';

const TEMPLATE = 'reckoner-dev-service.template.json';
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

interface Template {
  readonly Resources: Readonly<
    Record<string, { Type: string; Properties: { PolicyDocument?: { Statement: Statement[] } } }>
  >;
}
interface Statement {
  Action: string | string[];
}

/** Boots the stacks with one action taken out of one role's policy. */
async function bootWithout(role: string, action: string): Promise<Installation> {
  const directory = await mkdtemp(join(tmpdir(), 'reckoner-less-'));
  cleanups.push(() => rm(directory, { recursive: true, force: true }));
  await cp(inject('assemblyDirectory'), directory, { recursive: true });
  const template = JSON.parse(await readFile(join(directory, TEMPLATE), 'utf8')) as Template;
  let taken = 0;
  for (const [id, { Type, Properties }] of Object.entries(template.Resources)) {
    if (Type !== 'AWS::IAM::Policy' || !id.startsWith(role)) continue;
    for (const statement of Properties.PolicyDocument?.Statement ?? []) {
      const actions = [statement.Action].flat();
      if (!actions.includes(action)) continue;
      taken += 1;
      const rest = actions.filter((one) => one !== action);
      statement.Action = rest.length > 0 ? rest : 'none:Nothing';
    }
  }
  expect(taken, `${role} has ${action}`).toBe(1);
  await writeFile(join(directory, TEMPLATE), JSON.stringify(template));
  const installation = await boot({ assemblyDirectory: directory, log: () => undefined });
  cleanups.push(installation.stop);
  return installation;
}

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
