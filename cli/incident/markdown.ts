import { formatAmount, formatCount, plural } from '../format.ts';
import type { Amounts, IncidentRecord } from './record.ts';

/** What each kind of finding means; what lies behind it, people find out. */
const KIND_MEANS: Readonly<Record<string, string>> = {
  missing: 'Used, and not charged.',
  unexpected: 'Charged, and nothing says it was used.',
  duplicate: 'Charged more than once for one request.',
  'amount-mismatch': 'Charged another amount than the rate card says.',
  misdated: 'Charged rightly, at another time than it was used.',
  'conflicting-evidence': 'Two pieces of evidence for one request say different things.',
  'balance-drift': 'A stored balance is not the sum of its transfers.',
};

/** Customers that the page lists; all are in the JSON form. */
const CUSTOMERS_SHOWN_MAX = 100;

/** A post-incident record as a Markdown page: what the books and the audit chain prove, and room for what people know. */
export function renderIncident(record: IncidentRecord): string {
  return [
    `# Incident: ${text(record.run)}`,
    summary(record),
    section('Timeline', 'All times are UTC, and all but the first are from the audit chain.', timeline(record)),
    section('Detection', detection(record)),
    section('Root causes', rootCauses(record), BY_PEOPLE),
    section('Customers affected', customers(record)),
    section('Resolution', repairs(record), approvals(record), posted(record)),
    section('Revenue impact', revenue(record)),
    section('Verdict after', verdict(record)),
    section('Contributing factors', BY_PEOPLE),
    section('Action items', '| Id | Owner | Description | Due |\n|---|---|---|---|'),
    section('Lessons learned', BY_PEOPLE),
  ]
    .join('\n\n')
    .concat('\n');
}

const BY_PEOPLE = '_To be written by people._';

function section(title: string, ...parts: readonly string[]): string {
  return [`## ${title}`, ...parts.filter((part) => part !== '')].join('\n\n');
}

function summary({ period, status, sentence, customers: affected, rootCauses: causes }: IncidentRecord): string {
  const findings = causes.reduce((sum, cause) => sum + cause.findings, 0);
  const days = period.startDate === period.endDate ? period.startDate : `${period.startDate} to ${period.endDate}`;
  return [
    `**Status**: ${status}`,
    `**Period**: ${days}`,
    `**Found**: ${text(sentence)}`,
    `**Extent**: ${plural(findings, 'finding')} in ${plural(affected.length, 'account')}`,
  ].join('  \n');
}

function timeline({ timeline: entries }: IncidentRecord): string {
  return table(
    ['Time', 'Who', 'What'],
    entries.map(({ at, who, what }) => [at, who, what]),
  );
}

function detection({ run, detected, began, lastWrong, resolved }: IncidentRecord): string {
  return list([
    `Detected by ${text(detected.by)}, run ${text(run)}${detected.at === undefined ? '' : `, at ${detected.at}`}.`,
    ...(began === undefined ? [] : [`What is wrong counts from ${began} to ${lastWrong ?? began}.`]),
    ...between('From the first of it to its detection', began, detected.at),
    ...between('From detection to the verified repair', detected.at, resolved),
  ]);
}

function rootCauses({ rootCauses: causes }: IncidentRecord): string {
  if (causes.length === 0) return 'Nothing was found.';
  const rows = causes.map(({ kind, findings, causes: why, amounts }) => [
    kind,
    formatCount(findings),
    KIND_MEANS[kind] ?? '',
    Object.entries(why)
      .map(([cause, count]) => `${cause}: ${formatCount(count)}`)
      .join(', '),
    ...overAndUnder(amounts),
  ]);
  return table(['Kind', 'Findings', 'It means', 'More is known', 'Over-charged', 'Under-charged'], rows);
}

function customers({ customers: affected }: IncidentRecord): string {
  if (affected.length === 0) return 'None.';
  const rows = affected
    .slice(0, CUSTOMERS_SHOWN_MAX)
    .map(({ account, findings, amounts }) => [account, formatCount(findings), ...overAndUnder(amounts)]);
  const over = affected.filter(({ amounts }) => amounts.some(({ overCharged }) => overCharged !== '0')).length;
  const under = affected.filter(({ amounts }) => amounts.some(({ underCharged }) => underCharged !== '0')).length;
  const shown = affected.length > CUSTOMERS_SHOWN_MAX ? ` The ${CUSTOMERS_SHOWN_MAX} with the largest figures:` : '';
  const counts = `${plural(affected.length, 'account')}: over-charged ${formatCount(over)}, under-charged ${formatCount(under)}.`;
  return `${counts}${shown}\n\n${table(['Account', 'Findings', 'Over-charged', 'Under-charged'], rows)}`;
}

function repairs({ repairs: all }: IncidentRecord): string {
  if (all.length === 0) return 'Nothing was repaired yet.';
  const rows = all.map(({ id, of, what, status, requestedBy, counts, left, backup }) => [
    id,
    of,
    what,
    status,
    requestedBy,
    Object.entries(counts)
      .map(([outcome, count]) => `${outcome}: ${formatCount(count)}`)
      .join(', '),
    formatCount(left),
    backup ?? '',
  ]);
  return table(['Repair', 'Of', 'What', 'Status', 'Asked for by', 'Steps', 'Left for a person', 'Backup before'], rows);
}

function approvals({ approvals: all }: IncidentRecord): string {
  if (all.length === 0) return 'No repair needed an approval.';
  const rows = all.map(({ id, state, requestedBy, decidedBy, decidedAt, reason }) => [
    id,
    state,
    requestedBy,
    decidedBy ?? '',
    decidedAt ?? '',
    reason ?? '',
  ]);
  return table(['Approval', 'State', 'Asked for by', 'Decided by', 'At', 'Reason'], rows);
}

function posted({ posted: all }: IncidentRecord): string {
  if (all.length === 0) return 'No transfer was posted.';
  const rows = all.map(({ asset, debited, credited, transfers }) => [
    asset,
    formatAmount(credited, asset),
    formatAmount(debited, asset),
    formatCount(transfers),
  ]);
  return table(['Asset', 'Credited to customers', 'Debited from customers', 'Transfers'], rows);
}

function revenue({ revenue: all }: IncidentRecord): string {
  if (all.length === 0) return 'None.';
  const rows = all.map(({ asset, overCharged, underCharged, misstated, open }) => [
    asset,
    ...[overCharged, underCharged, misstated, open].map((amount) => formatAmount(amount, asset)),
  ]);
  const columns = ['Asset', 'Charged too much', 'Not charged', 'Revenue misstated by', 'Misstated after the repairs'];
  return table(columns, rows);
}

function verdict({ verdict: after }: IncidentRecord): string {
  if (after === undefined) return 'No repair has been verified.';
  return `**${text(after.verdict)}**: ${text(after.sentence)} (run ${text(after.run)}).`;
}

function overAndUnder(amounts: readonly Amounts[]): [string, string] {
  const all = (name: 'overCharged' | 'underCharged') =>
    amounts
      .filter((line) => line[name] !== '0')
      .map((line) => formatAmount(line[name], line.asset))
      .join(', ');
  return [all('overCharged'), all('underCharged')];
}

function between(what: string, from: string | undefined, to: string | undefined): string[] {
  if (from === undefined || to === undefined || to < from) return [];
  const minutes = Math.round((Date.parse(to) - Date.parse(from)) / 60_000);
  const [days, hours] = [Math.floor(minutes / 1_440), Math.floor((minutes % 1_440) / 60)];
  const parts = [days > 0 && `${days} d`, hours > 0 && `${hours} h`, `${minutes % 60} min`];
  return [`${what}: ${parts.filter((part) => part !== false).join(' ')}.`];
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(text).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

/** Text from elsewhere stays text: it begins no cell, no markup and no line. */
function text(words: string): string {
  return words.replace(/\p{Cc}+/gu, ' ').replace(/[\\`*_[\]<>|]/g, '\\$&');
}
