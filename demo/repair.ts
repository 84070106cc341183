import type { Installation } from '../bin/boot.ts';
import { systemIo } from '../cli/io.ts';
import { run } from '../cli/run.ts';
import { type FoundLine, fetchFindings } from './compare.ts';
import { expectOk } from './play.ts';

/** What happened to the demo's ledger after it was broken. */
export interface Repaired {
  /** The verifying reconciliation found nothing. */
  readonly clean: boolean;
  /** After the rollback the findings were those of before, neither more nor fewer. */
  readonly asBefore: boolean;
}

interface Period {
  readonly first: string;
  readonly last: string;
}

/**
 * Repairs what a run found, as operators do it: by the command line, with what only people can decide, and with a
 * second person who approves exactly what was planned. Then takes all of it back.
 */
export async function repairAndRollBack(
  installation: Installation,
  runId: string,
  period: Period,
  say: (line: string) => void,
): Promise<Repaired> {
  const { client, key } = installation;
  const operator = { installation, key };
  const scopes = ['operations', 'approve', 'ledger:read'] as const;
  const second = { installation, key: await installation.createKey({ name: 'second-person', scopes }) };
  const findings = await fetchFindings(client, runId);

  say('\nAn account that nobody opened cannot be charged, so somebody opens it and pays in:');
  await openGhost(installation, period);
  say('\nThe repair is planned. What contradicts itself and what nobody can explain is decided by a person:');
  const kinds = ['--kinds', 'backfill,dedupe,recalculate,rebalance'];
  const decisions = findings.flatMap(decisionOf).flatMap((decision) => ['--decide', decision]);
  await command(operator, ['repair', runId, ...kinds, ...decisions, '--run-id', 'demo-repair']);
  await approveAndApply(operator, second, 'demo-repair', say);
  const clean = (await reconcile(operator, 'demo-repaired', period)) === 0;

  say('\nAnd taken back, because somebody may have to:');
  await command(operator, ['rollback', 'demo-repair', '--run-id', 'demo-rollback']);
  await approveAndApply(operator, second, 'demo-rollback', say);
  await reconcile(operator, 'demo-rolled-back', period);
  const after = await fetchFindings(client, 'demo-rolled-back');
  const asBefore = namesOf(after) === namesOf(findings);
  say(`The findings are ${asBefore ? 'exactly' : 'NOT'} those of before the repair: ${after.length}.`);
  return { clean, asBefore };
}

interface Operator {
  readonly installation: Installation;
  readonly key: string;
}

async function approveAndApply(
  operator: Operator,
  second: Operator,
  id: string,
  say: (line: string) => void,
): Promise<void> {
  const { approval, plan } = expectOk(await operator.installation.client.getRepair({ params: { repairId: id } })).body;
  if (approval !== undefined) {
    say('\nIt moves more than one person may alone. Somebody else approves exactly this plan:');
    await command(second, ['approve', approval, '--hash', plan?.hash ?? '']);
  }
  say('\nIt is applied, and verified by a reconciliation:');
  await command(operator, ['repairs', id, '--apply']);
}

function reconcile(operator: Operator, id: string, { first, last }: Period): Promise<number> {
  return command(operator, ['reconcile', '--id', id, '--start-date', first, '--end-date', last]);
}

/** Runs one of the operators' commands. */
function command({ installation, key }: Operator, words: readonly string[]): Promise<number> {
  const env = { RECKONER_URL: installation.apiUrl, RECKONER_KEY: key };
  return run([...words], { ...systemIo(new AbortController().signal), env });
}

/** What a person decides where no rule can: a charge without use is given back, the first witness is believed. */
function decisionOf({ id, kind, evidence }: FoundLine): string[] {
  if (kind === 'unexpected') return [`${id}=reverse`];
  return kind === 'conflicting-evidence' ? [`${id}=evidence:${evidence[0]?.fingerprint}`] : [];
}

async function openGhost({ client }: Installation, { first }: Period): Promise<void> {
  const id = 'customer:ghost';
  expectOk(await client.openAccount({ body: { id, openedOn: first } }));
  const payment = {
    id: 'funding-of-the-ghost',
    debit: 'platform:funding',
    credit: id,
    amount: '100000',
    asset: 'TOKEN',
  };
  expectOk(await client.postTransfer({ body: { ...payment, effectiveAt: `${first}T00:00:00.000Z` } }));
}

function namesOf(findings: readonly FoundLine[]): string {
  return findings
    .map(({ id }) => id)
    .sort()
    .join();
}
