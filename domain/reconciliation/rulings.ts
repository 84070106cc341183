import type { EvidenceRow } from './rows.ts';

/**
 * A person's decision on contradicting evidence. It says which evidence at one time of one request does not hold, so
 * what comes in later and nobody has judged yet contradicts again. An empty list takes earlier rulings back.
 */
export interface Ruling {
  /** Counts the rulings at this time of this request from 1; of several the last holds. */
  readonly number: number;
  /** Fingerprints of the evidence that does not hold. */
  readonly overrules: readonly string[];
}

/** The rows under one key, parted by what was ruled of them. */
export interface Ruled {
  /** What counts. */
  readonly evidence: readonly EvidenceRow[];
  /** The rulings, and what they overrule: read, and not counted for anything. */
  readonly setAside: readonly EvidenceRow[];
}

/** @param rows all rows of evidence under one key, rulings among them. */
export function ruled(rows: readonly EvidenceRow[]): Ruled {
  const last = lastRuling(rows);
  if (last === undefined) return { evidence: rows, setAside: NOTHING };
  const counts = (row: EvidenceRow) => row.ruling === undefined && !last.overrules.includes(row.fingerprint);
  return { evidence: rows.filter(counts), setAside: rows.filter((row) => !counts(row)) };
}

export function lastRuling(rows: readonly EvidenceRow[]): Ruling | undefined {
  let last: Ruling | undefined;
  for (const { ruling } of rows) if (ruling !== undefined && ruling.number > (last?.number ?? 0)) last = ruling;
  return last;
}

const NOTHING: readonly EvidenceRow[] = [];
