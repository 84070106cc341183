import type { Installation } from '../bin/boot.ts';
import { type FoundLine, fetchFindings } from './compare.ts';
import { command, type Operator } from './operator.ts';
import { expectOk } from './play.ts';

/** What happened to the demo's ledger after it was broken. */
export interface Repaired {
  /** The verifying reconciliation found nothing. */
  readonly clean: boolean;
  /** After the rollback the findings were those of before, neither more nor fewer. */
  readonly asBefore: boolean;
  /** The run that says so. */
  readonly verifiedBy: string;
}

interface Period {
  readonly first: string;
  readonly last: string;
}

/** Two people of the house: who repairs, and who approves it. */
export interface People {
  readonly operator: Operator;
  readonly second: Operator;
}

export async function peopleOf(installation: Installation): Promise<People> {
  const scopes = ['operations', 'approve', 'ledger:read'] as const;
  const key = await installation.createKey({ name: 'second-person', scopes });
  return { operator: { installation, key: installation.key }, second: { installation, key } };
}

/**
 * Repairs what a run found, as operators do it: by the command line, with what only people can decide, and with a
 * second person who approves exactly what was planned. Then takes all of it back.
 */
export async function repairAndRollBack(
  people: People,
  runId: string,
  period: Period,
  say: (line: string) => void,
): Promise<Repaired> {
  const { operator } = people;
  const { client } = operator.installation;
  const findings = await fetchFindings(client, runId);

  say('\nAn account that nobody opened cannot be charged, so somebody opens it and pays in:');
  await openGhost(operator.installation, period);
  say('\nThe repair is planned. What contradicts itself and what nobody can explain is decided by a person:');
  await repair(people, runId, 'demo-repair', say);
  const clean = (await reconcile(operator, 'demo-repaired', period)) === 0;

  say('\nAnd taken back, because somebody may have to:');
  await command(operator, ['rollback', 'demo-repair', '--run-id', 'demo-rollback']);
  await approveAndApply(people, 'demo-rollback', say);
  const { verification } = expectOk(await client.getRepair({ params: { repairId: 'demo-rollback' } })).body;
  const verifiedBy = verification?.runId ?? '';
  const after = await fetchFindings(client, verifiedBy);
  const asBefore = namesOf(after) === namesOf(findings);
  say(`The findings of ${verifiedBy} are ${asBefore ? 'exactly' : 'NOT'} those of before the repair: ${after.length}.`);
  return { clean, asBefore, verifiedBy };
}

/** Plans the repair of what a run found, with what people decided, and applies it. */
export async function repair(people: People, runId: string, id: string, say: (line: string) => void): Promise<void> {
  const findings = await fetchFindings(people.operator.installation.client, runId);
  const kinds = ['--kinds', 'backfill,dedupe,recalculate,rebalance'];
  const decisions = findings.flatMap(decisionOf).flatMap((decision) => ['--decide', decision]);
  await command(people.operator, ['repair', runId, ...kinds, ...decisions, '--run-id', id]);
  await approveAndApply(people, id, say);
}

async function approveAndApply({ operator, second }: People, id: string, say: (line: string) => void): Promise<void> {
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
