/** One measured figure, and what it should be where that was decided beforehand. */
export interface Figure {
  readonly name: string;
  readonly measured: number;
  /** Left out for ratios. */
  readonly unit?: string;
  readonly target?: Target;
  /** How it was measured, where the name does not say it. */
  readonly note?: string;
  /** What the figure was made of: parts, percentiles, a curve. */
  readonly details?: Readonly<Record<string, number>>;
}

export type Target = { readonly atMost: number } | { readonly atLeast: number };

/** Undefined for a figure without a target. */
export function isMet({ measured, target }: Figure): boolean | undefined {
  if (target === undefined) return undefined;
  return 'atMost' in target ? measured <= target.atMost : measured >= target.atLeast;
}

/**
 * Has contenders do their turn one after the other, round by round, so that whatever else the machine is doing meets
 * all of them alike.
 * @returns what each turn gave, by contender, in order of rounds.
 */
export async function takeTurns<Name extends string, Result>(
  rounds: number,
  contenders: Readonly<Record<Name, (round: number) => Promise<Result>>>,
): Promise<Record<Name, Result[]>> {
  const names = Object.keys(contenders) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Result[]>;
  for (let round = 0; round < rounds; round += 1) {
    // Every other round goes backwards: nobody is always the one after the heaviest.
    for (const name of round % 2 === 0 ? names : names.toReversed()) results[name].push(await contenders[name](round));
  }
  return results;
}

export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** The median of the rounds' own ratios: neighbours in time are compared, so a machine that slows down bends nothing. */
export function medianRatio(values: readonly number[], against: readonly number[]): number {
  return median(values.map((value, round) => value / (against[round] ?? Number.NaN)));
}

/** The smallest value that so many percent of all values do not exceed. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}
