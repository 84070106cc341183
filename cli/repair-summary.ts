import type * as z from 'zod';
import type { repair } from '../contract/schemas/repairs.ts';
import { formatAmount, formatCount, listing, plural, table } from './format.ts';

export type Repair = z.output<typeof repair>;

/** What became of steps, in the operators' words. */
const OUTCOMES: Readonly<Record<string, string>> = {
  posted: 'Posted',
  'already-posted': 'Posted by somebody else',
  stale: 'Not posted: the books moved',
  refused: 'Refused by the ledger',
  'not-tried': 'Not tried after a refusal',
};

export function repairsTable(repairs: readonly Repair[]): string {
  if (repairs.length === 0) return 'There are no repairs yet.';
  const rows = repairs.map(({ id, kind, of, status, requestedAt, plan, verification }) => [
    id,
    kind === 'rollback' ? `rollback of ${of}` : of,
    requestedAt,
    status,
    plan === undefined ? '' : formatCount(plan.steps),
    verification?.verdict ?? '',
  ]);
  return table(['Repair', 'Of', 'Requested', 'Status', 'Steps', 'Verdict'], rows, [4]);
}

/**
 * A repair for people: what it is, what it comes to, what became of it, and where the rest is. Links are long lines, and
 * told only to who asks for the repair by its name.
 */
export function repairDetails(repair: Repair, tellsLinks: boolean): string {
  const { plan, counts, verification, error } = repair;
  const facts = listing([
    ['Repair', repair.id],
    [repair.kind === 'rollback' ? 'Rollback of' : 'Of', repair.of],
    ['Period', `${repair.startDate} to ${repair.endDate}`],
    ['Kinds', repair.kinds?.join(', ')],
    ['Status', repair.status],
    ['Steps', plan && stepsOf(plan)],
    ['Left for a person', plan && formatCount(plan.left)],
    ['Good until', repair.status === 'planned' ? plan?.goodUntil : undefined],
    ['Approval', repair.approval],
    ['Backup', repair.backup],
    ...Object.entries(counts ?? {}).map(
      ([outcome, count]) => [OUTCOMES[outcome] ?? outcome, formatCount(count)] as const,
    ),
    ['Verified', verification && verdictOf(verification)],
    ['Error', error && `${error.name}: ${error.cause}`],
    ['Hash', plan?.hash],
  ]);
  const links = Object.entries(repair.artifacts ?? {});
  const artifacts = links.length === 0 ? [] : artifactLines(repair.id, links, tellsLinks);
  return [facts, ...(plan === undefined || plan.totals.length === 0 ? [] : [totalsTable(plan)]), ...artifacts].join(
    '\n',
  );
}

function artifactLines(id: string, links: [string, string][], tellsLinks: boolean): string[] {
  if (tellsLinks) return ['Artifacts (links are good for 15 minutes):', listing(links)];
  return [`Artifacts: ${links.map(([name]) => name).join(', ')}; links by reckoner repairs ${id}`];
}

type Plan = NonNullable<Repair['plan']>;

function totalsTable({ totals }: Plan): string {
  const rows = totals.map(({ asset, charged, givenBack, rebalanced, overCharged, underCharged }) => [
    asset,
    ...[charged, givenBack, rebalanced].map((amount) => formatAmount(amount, asset)),
    formatCount(overCharged),
    formatCount(underCharged),
  ]);
  const head = [
    'Totals',
    'Charged',
    'Given back',
    'Balances set by',
    'Accounts over-charged',
    'Accounts under-charged',
  ];
  return table(head, rows, [1, 2, 3, 4, 5]);
}

function stepsOf({ steps, stepsByKind, accounts }: Plan): string {
  const kinds = Object.entries(stepsByKind).filter(([, count]) => count > 0);
  const parts = kinds.map(([kind, count]) => `${formatCount(count)} ${kind}`).join(', ');
  return parts === '' ? formatCount(steps) : `${formatCount(steps)} (${parts}) for ${plural(accounts, 'account')}`;
}

function verdictOf({ runId, verdict, findings }: NonNullable<Repair['verification']>): string {
  if (verdict === undefined) return `not done: reckoner runs ${runId}`;
  return `${verdict}${findings === undefined ? '' : `, ${plural(findings, 'finding')}`} (run ${runId})`;
}
