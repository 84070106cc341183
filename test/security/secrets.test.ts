import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Installation } from '../../bin/boot.ts';
import { scopes } from '../../contract/scopes.ts';
import { expectOk } from '../../demo/play.ts';
import { hashSecret } from '../../functions/runtime/keys.ts';
import { bootWith } from '../e2e/boot-without.ts';

/** What lets in whoever has it is written nowhere: not to logs, tables, objects or messages, however much is logged. */

test('secrets of keys, headers and signatures of links are in nothing that is kept', async () => {
  const dataDirectory = join(await mkdtemp(join(tmpdir(), 'reckoner-secrets-')), 'data');
  onTestFinished(() => rm(join(dataDirectory, '..'), { recursive: true, force: true }));
  const installation = await bootWith(logEverything, { dataDirectory });
  const { keyIds, secrets, told } = await live(installation);
  await installation.stop();

  expect(secrets.length).toBeGreaterThan(10);
  for (const secret of secrets) expect(secret.length).toBeGreaterThan(20);
  for (const answer of told) for (const secret of secrets) expect(answer).not.toContain(secret);
  const files = await contentsOf(dataDirectory);
  for (const [name, content] of files) {
    expect([name, secrets.filter((secret) => content.includes(secret))]).toEqual([name, []]);
    expect([name, content.includes('Bearer ')]).toEqual([name, false]);
  }
  // So that something would be found: ids and digests of keys are kept, and every call is logged.
  const all = files.map(([, content]) => content);
  for (const id of keyIds) expect(all.some((content) => content.includes(id))).toBe(true);
  expect(all.some((content) => content.includes(hashSecret(secretOf(installation.key))))).toBe(true);
  const logs = files.filter(([name]) => name.endsWith('.log'));
  for (const operation of ['createKey', 'createImport', 'recordUsage', 'postCharge']) {
    expect(logs.some(([, content]) => content.includes(`"operation":"${operation}"`))).toBe(true);
  }
}, 120_000);

function logEverything({ Resources }: Parameters<Parameters<typeof bootWith>[0]>[0]): void {
  const functions = Object.values(Resources).filter(({ Type }) => Type === 'AWS::Lambda::Function');
  expect(functions.length).toBeGreaterThan(5);
  for (const { Properties } of functions) {
    Properties.Environment ??= { Variables: {} };
    Object.assign(Properties.Environment.Variables, { POWERTOOLS_LOG_LEVEL: 'DEBUG' });
  }
}

/** Does what touches secrets, and gives them all, with the answers that must not tell them again. */
async function live(installation: Installation) {
  const { client, apiUrl, key: first } = installation;
  const day = new Date().toISOString().slice(0, 10);
  const made = expectOk(await client.createKey({ body: { name: 'made', scopes: ['admin', 'ledger:read'] } })).body;
  const next = expectOk(await client.rotateKey({ params: { keyId: made.id }, body: {} })).body;
  const bound = await installation.createKey({ name: 'bound', scopes, account: 'customer:acme' });
  const forged = `${first.slice(0, -43)}${'Zz'.repeat(21)}Z`;
  const basic = Buffer.from(`rk:${'q'.repeat(40)}`).toString('base64');
  for (const authorization of [`Bearer ${forged}`, `Basic ${basic}`, `Bearer ${made.key}`, `Bearer ${next.key}`]) {
    await fetch(`${apiUrl}/v1/keys`, { headers: { authorization, 'x-secret': next.key } });
  }
  // A secret where it does not belong: in a path, in a query, in fields of every kind.
  const lost = 'L0st'.repeat(12);
  const headers = { authorization: `Bearer ${first}`, 'content-type': 'application/json' };
  await fetch(`${apiUrl}/v1/keys/${lost}`, { headers });
  await fetch(`${apiUrl}/v1/keys?cursor=${lost}`, { headers });
  await fetch(`${apiUrl}/v1/charges`, { method: 'POST', headers, body: `{"id": "${lost}", ` });
  await fetch(`${apiUrl}/v1/charges`, { method: 'POST', headers, body: JSON.stringify({ secret: lost }) });

  const links: string[] = [];
  const announced = expectOk(await client.createImport({ body: { id: 'file', format: 'csv' } })).body;
  links.push(announced.upload?.url ?? '');
  await fetch(announced.upload?.url ?? '', {
    method: 'PUT',
    body: `requestId,account,operation,occurredAt\nr-1,customer:acme,search,${day}T00:00:00Z\nbroken\n`,
  });
  links.push(
    (await until(
      () => client.getImport({ params: { importId: 'file' } }),
      ({ errors }) => errors,
    )) ?? '',
  );
  const sha256 = 'a'.repeat(64);
  const repair = expectOk(await client.planRepair({ body: { id: 'entries', import: { sha256 } } })).body;
  links.push(repair.upload?.url ?? '');
  expectOk(await client.openAccount({ body: { id: 'customer:acme' } }));
  await client.postCharge({ body: { id: 'r-1', account: 'customer:acme', operation: 'search', quantities: {} } });
  const occurredAt = new Date().toISOString();
  const usage = { requestId: 'r-2', account: 'customer:acme', operation: 'search', quantities: {}, occurredAt };
  expectOk(await client.recordUsage({ body: usage }));
  expectOk(
    await client.startReconciliation({
      body: { id: 'run', startDate: day, endDate: day, accounts: ['customer:acme'] },
    }),
  );
  const run = { params: { runId: 'run' } };
  const artifacts = await until(
    () => client.getReconciliation(run),
    (answer) => answer.artifacts,
  );
  links.push(...Object.values(artifacts ?? {}));
  const audit = JSON.stringify(expectOk(await client.listAudit({ query: { limit: '100' } })).body);
  const keys = JSON.stringify(expectOk(await client.listKeys()).body);
  const signatures = links.map((link) => new URL(link).searchParams.get('X-Amz-Signature') ?? '');
  return {
    keyIds: [made.id, next.id],
    secrets: [...[first, made.key, next.key, bound, forged].map(secretOf), basic, lost, ...signatures],
    told: [audit, keys],
  };
}

function secretOf(key: string): string {
  return key.split('_').slice(3).join('_');
}

async function until<Body, T>(
  ask: () => Promise<{ readonly ok: boolean; readonly body?: Body }>,
  find: (body: Body) => T | undefined,
): Promise<T | undefined> {
  for (;;) {
    const answer = await ask();
    const found = answer.ok && answer.body !== undefined ? find(answer.body) : undefined;
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function contentsOf(directory: string): Promise<(readonly [name: string, content: string])[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(files.map(async (file) => [file, (await readFile(file)).toString('latin1')] as const));
}
