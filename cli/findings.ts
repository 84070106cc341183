import * as z from 'zod';
import { downloadLines } from './download.ts';
import { formatAmount, plural, table } from './format.ts';
import type { Io } from './io.ts';

/** A line of findings.ndjson, as far as it is listed here. Amounts are decimal strings of minor units. */
const finding = z.looseObject({
  kind: z.string(),
  account: z.string(),
  asset: z.string().optional(),
  requestId: z.string().optional(),
  invoice: z
    .looseObject({
      id: z.string(),
      line: z.looseObject({ type: z.string(), description: z.string() }).optional(),
    })
    .optional(),
  at: z.string().optional(),
  expected: z.string().optional(),
  actual: z.string().optional(),
  difference: z.string().optional(),
  cause: z.string().optional(),
});
export type Finding = z.output<typeof finding>;

/** Findings that are listed; a person reads no more, and the artifact has the rest. */
const LISTED_MAX = 1_000;

/** The first findings of a run: one more than are listed, so that the table can say that there are more. */
export async function readFindings(io: Io, link: string, limit = LISTED_MAX + 1): Promise<Finding[]> {
  const findings: Finding[] = [];
  for await (const each of eachFinding(io, link)) {
    findings.push(each);
    if (findings.length >= limit) break;
  }
  return findings;
}

/** All findings of a run, one by one. */
export async function* eachFinding(io: Io, link: string): AsyncGenerator<Finding> {
  for await (const line of downloadLines(io, link)) yield finding.parse(line);
}

export function findingsTable(findings: readonly Finding[], runId: string): string {
  const listed = findings.slice(0, LISTED_MAX);
  const rows = listed.map((row) => [
    row.kind,
    row.account,
    row.requestId ?? invoiceText(row) ?? '',
    row.at ?? '',
    amount(row.expected, row.asset),
    amount(row.actual, row.asset),
    amount(row.difference, row.asset),
    row.cause ?? '',
  ]);
  const head = ['Finding', 'Account', 'Request or line', 'At', 'Expected', 'Actual', 'Difference', 'Cause'];
  const text = table(head, rows, [4, 5, 6]);
  if (findings.length <= LISTED_MAX) return text;
  return `${text}\nThese are the first ${plural(LISTED_MAX, 'finding')}; all are in findings.ndjson: reckoner runs ${runId}`;
}

/** Which line of which invoice; the id alone where a finding is of a whole one. */
function invoiceText({ invoice }: Finding): string | undefined {
  if (invoice?.line === undefined) return invoice?.id;
  const { type, description } = invoice.line;
  return `${invoice.id}: ${description} (${type})`;
}

function amount(minorUnits: string | undefined, asset: string | undefined): string {
  if (minorUnits === undefined) return '';
  return asset === undefined ? minorUnits : formatAmount(minorUnits, asset);
}
