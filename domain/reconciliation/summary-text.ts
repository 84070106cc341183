import type { AssetTotals, Summary } from './summary.ts';

/**
 * A summary, and what else stands with it, as JSON text: amounts are decimal strings, because a JSON number would lose
 * digits.
 */
export function summaryToText<S extends Summary>(summary: S): string {
  return JSON.stringify(summary, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}

/** Reads what summaryToText wrote. */
export function summaryFromText<S extends Summary = Summary>(text: string): S {
  const { assets, ...rest } = JSON.parse(text) as Omit<S, 'assets'> & {
    readonly assets: Readonly<Record<string, Readonly<Record<keyof AssetTotals, string>>>>;
  };
  const totals = Object.entries(assets).map(([asset, texts]): [string, AssetTotals] => [
    asset,
    {
      expected: BigInt(texts.expected),
      actual: BigInt(texts.actual),
      overCharged: BigInt(texts.overCharged),
      underCharged: BigInt(texts.underCharged),
      undetermined: BigInt(texts.undetermined),
    },
  ]);
  return { ...rest, assets: Object.fromEntries(totals) } as unknown as S;
}
