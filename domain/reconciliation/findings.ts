import { type Quantities, quantityEntries } from '../evidence.ts';
import type { Asset } from '../money.ts';
import type { Instant } from '../time.ts';
import type { Judged } from './judge.ts';
import { type EvidenceRow, instantOf, requestOf } from './rows.ts';

export const FINDING_KINDS = [
  'missing',
  'unexpected',
  'duplicate',
  'amount-mismatch',
  'misdated',
  'conflicting-evidence',
  'balance-drift',
] as const;

export type FindingKind = (typeof FINDING_KINDS)[number];

/** What more is known of a finding than its kind says. */
export type Cause =
  /** No rate card prices the evidence, so what it should have cost is not known. */
  | 'unpriced'
  /** The charge stands at another time than the evidence. */
  | 'misdated'
  /** There is evidence for an account that nobody opened. */
  | 'account-not-opened'
  /** A transfer that is no charge of this account has the request's id, so the charge cannot be posted under it. */
  | 'id-taken'
  /** A charge whose request has conflicting evidence at another time. */
  | 'conflicting-evidence'
  /** A charge whose request has evidence at another time, which costs nothing. */
  | 'free-of-charge'
  /** No charge but what corrects one, at another time than the charge. */
  | 'given-back';

export interface FoundEvidence {
  readonly fingerprint: string;
  readonly operation: string;
  readonly quantities: Quantities;
}

/** Which invoice a finding is of; where it is of one of its lines, which, and how many transfers either book has in it. */
export interface FoundInvoice {
  readonly id: string;
  readonly line?: {
    readonly type: string;
    readonly description: string;
    readonly expectedQuantity: bigint;
    readonly actualQuantity: bigint;
  };
}

/** What the books disagree about, without whose books they are. Amounts are minor units. */
export interface Disagreement {
  readonly kind: FindingKind;
  /** When the evidence happened; of a charge without evidence, when it counts. */
  readonly at: Instant;
  readonly requestId?: string;
  /** Left out where it cannot be known: unpriced or conflicting evidence. */
  readonly expected?: bigint;
  readonly actual: bigint;
  readonly cause?: Cause;
  /** The charge counts on a day beyond the neighbouring ones, which took it for unexpected (claims.ts). */
  readonly afar?: true;
  /** Of a comparison of invoices with the ledger. */
  readonly invoice?: FoundInvoice;
  /** Nobody is asked to pay it, such as a payment that an invoice shows: it is in no total. */
  readonly notDue?: true;
  readonly transferIds: readonly string[];
  readonly evidence: readonly FoundEvidence[];
  /** One sentence for people. */
  readonly detail: string;
}

/** One disagreement, and whose. */
export interface Finding extends Disagreement {
  readonly account: string;
  readonly asset: Asset;
}

/**
 * What a finding is called by in every run that finds it; its digest is the finding's id. A drifted balance has no time
 * of its own: what it has is that of the run. A line of an invoice is the same line whichever document of its month is to
 * be changed for it.
 */
export function findingIdentity({ kind, account, requestId, at, invoice }: Finding): string {
  const { type, description } = invoice?.line ?? {};
  const within = invoice === undefined ? [] : type === undefined ? [invoice.id] : [type, description];
  return JSON.stringify([kind, account, requestId ?? '', kind === 'balance-drift' ? '' : at, ...within]);
}

/** actual - expected, with its sign; undefined where nothing is expected that could be told. */
export function differenceOf({ expected, actual }: Pick<Finding, 'expected' | 'actual'>): bigint | undefined {
  return expected === undefined ? undefined : actual - expected;
}

/** The wire form: amounts and quantities are decimal strings, what is not known is left out. */
export interface FindingLine {
  readonly id: string;
  readonly kind: FindingKind;
  readonly account: string;
  readonly asset: Asset;
  readonly requestId?: string;
  readonly at: Instant;
  readonly expected?: string;
  readonly actual: string;
  readonly difference?: string;
  readonly cause?: Cause;
  readonly afar?: true;
  readonly invoice?: {
    readonly id: string;
    readonly line?: {
      readonly type: string;
      readonly description: string;
      readonly expectedQuantity: string;
      readonly actualQuantity: string;
    };
  };
  readonly notDue?: true;
  readonly transferIds: readonly string[];
  readonly evidence: readonly {
    readonly fingerprint: string;
    readonly operation: string;
    readonly quantities: Readonly<Record<string, string>>;
  }[];
  readonly detail: string;
}

export function findingLine(finding: Finding, id: string): FindingLine {
  const { kind, account, asset, requestId, at, expected, actual, cause, afar, transferIds, detail } = finding;
  const { invoice, notDue } = finding;
  const difference = differenceOf(finding);
  return {
    id,
    kind,
    account,
    asset,
    ...(requestId !== undefined && { requestId }),
    at,
    ...(expected !== undefined && { expected: expected.toString() }),
    actual: actual.toString(),
    ...(difference !== undefined && { difference: difference.toString() }),
    ...(cause !== undefined && { cause }),
    ...(afar !== undefined && { afar }),
    ...(invoice !== undefined && { invoice: invoiceLine(invoice) }),
    ...(notDue !== undefined && { notDue }),
    transferIds,
    evidence: finding.evidence.map(({ fingerprint, operation, quantities }) => ({
      fingerprint,
      operation,
      quantities: Object.fromEntries(quantityEntries(quantities)),
    })),
    detail,
  };
}

function invoiceLine({ id, line }: FoundInvoice): NonNullable<FindingLine['invoice']> {
  if (line === undefined) return { id };
  const { expectedQuantity, actualQuantity } = line;
  return {
    id,
    line: { ...line, expectedQuantity: expectedQuantity.toString(), actualQuantity: actualQuantity.toString() },
  };
}

function invoiceOf({ id, line }: NonNullable<FindingLine['invoice']>): FoundInvoice {
  if (line === undefined) return { id };
  const { expectedQuantity, actualQuantity } = line;
  return {
    id,
    line: { ...line, expectedQuantity: BigInt(expectedQuantity), actualQuantity: BigInt(actualQuantity) },
  };
}

/** Reads what findingLine wrote. */
export function findingOf({
  id: _id,
  difference: _difference,
  expected,
  actual,
  evidence,
  invoice,
  ...line
}: FindingLine): Finding {
  return {
    ...line,
    ...(invoice !== undefined && { invoice: invoiceOf(invoice) }),
    ...(expected !== undefined && { expected: BigInt(expected) }),
    actual: BigInt(actual),
    evidence: evidence.map(({ quantities, ...found }) => ({
      ...found,
      quantities: Object.fromEntries(Object.entries(quantities).map(([name, amount]) => [name, BigInt(amount)])),
    })),
  };
}

/** A disagreement that shows in one group, or in evidence of one group and charges of another. */
export function disagreement(
  kind: FindingKind,
  from: { readonly evidence?: Judged | undefined; readonly ledger?: Judged | undefined },
  said: { readonly cause?: Cause | undefined; readonly detail: string },
): Disagreement {
  const key = (from.evidence ?? from.ledger)?.key ?? '';
  const expected = from.evidence === undefined ? 0n : from.evidence.expected;
  const unpriced = typeof expected === 'object' ? expected.unpriced : undefined;
  return {
    kind,
    at: instantOf(key),
    requestId: requestOf(key),
    ...(typeof expected === 'bigint' && { expected }),
    actual: from.ledger?.net ?? 0n,
    ...(unpriced !== undefined ? { cause: 'unpriced' } : said.cause !== undefined && { cause: said.cause }),
    transferIds: transfersIn(from),
    evidence: from.evidence?.evidence.map(foundEvidence) ?? [],
    detail: unpriced === undefined ? said.detail : `${said.detail} There is no price: ${unpriced}.`,
  };
}

/** What the ledger has where the charge is, and where only what was given back again is: at the evidence's own time. */
function transfersIn({ evidence, ledger }: { evidence?: Judged | undefined; ledger?: Judged | undefined }): string[] {
  const elsewhere = evidence === undefined || evidence.key === ledger?.key ? [] : evidence.ledger;
  return [...(ledger?.ledger ?? []), ...elsewhere].map((row) => row.id);
}

/** What a group shows by itself; undefined when it is a match or left over to be paired. */
export function disagreementOf(group: Judged): Disagreement | undefined {
  const both = { evidence: group, ledger: group };
  switch (group.verdict) {
    case 'duplicate':
      return disagreement('duplicate', both, { detail: 'The request is charged more than once.' });
    case 'amount-mismatch':
      return disagreement('amount-mismatch', both, { detail: 'The request is charged another amount than its price.' });
    case 'conflicting-evidence':
      return disagreement('conflicting-evidence', both, {
        detail: 'There is different evidence for one request at one time; a person must say which holds.',
      });
    default:
      return undefined;
  }
}

function foundEvidence({ fingerprint, operation, quantities }: EvidenceRow): FoundEvidence {
  return { fingerprint, operation, quantities };
}
