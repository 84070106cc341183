import type { Client } from '../contract/client.ts';
import type { Breakage } from './break.ts';
import { expectOk } from './play.ts';

/** A line of findings.ndjson, as far as it is needed here. */
export interface FoundLine {
  readonly id: string;
  readonly kind: string;
  readonly account: string;
  readonly requestId?: string;
  readonly difference?: string;
  readonly evidence: readonly { readonly fingerprint: string }[];
}

export interface Comparison {
  readonly found: readonly { readonly breakage: Breakage; readonly finding: FoundLine }[];
  readonly missed: readonly Breakage[];
  readonly invented: readonly FoundLine[];
}

/** Pairs what was broken with what was found, each once, by kind, account and request. */
export function compare(broken: readonly Breakage[], findings: readonly FoundLine[]): Comparison {
  const rest = [...findings];
  const found: { breakage: Breakage; finding: FoundLine }[] = [];
  const missed: Breakage[] = [];
  for (const breakage of broken) {
    const index = rest.findIndex((finding) => nameOf(finding) === nameOf(breakage));
    const [finding] = index < 0 ? [] : rest.splice(index, 1);
    if (finding === undefined) missed.push(breakage);
    else found.push({ breakage, finding });
  }
  return { found, missed, invented: rest };
}

function nameOf({ kind, account, requestId }: Pick<FoundLine, 'kind' | 'account' | 'requestId'>): string {
  return `${kind} ${account} ${requestId ?? ''}`;
}

/** Reads all findings of a run by the link that the API gives. */
export async function fetchFindings(client: Client, runId: string): Promise<FoundLine[]> {
  const answer = expectOk(await client.getReconciliation({ params: { runId } }));
  const response = await fetch(answer.body.artifacts?.['findings.ndjson'] ?? '');
  if (!response.ok) throw new Error(`The findings could not be read: ${response.status}.`);
  const lines = (await response.text()).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as FoundLine);
}
