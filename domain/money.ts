/**
 * Money and counted things. An amount is a whole number of the asset's smallest unit: `bigint` inside, a decimal string
 * on the wire. Nothing here ever becomes a `number`, because doubles lose cents above 2^53.
 */

/** What is counted, with its scale: `TOKEN` counts whole tokens, `USD/2` counts hundredths of a dollar. */
export type Asset = string;

/** An asset code of up to 17 characters, with a scale of up to 18 digits where the unit is divided. */
export const ASSET_PATTERN = /^[A-Z][A-Z0-9]{0,16}(\/([1-9]|1[0-8]))?$/;

/** 24 digits: a DynamoDB number keeps 38 exactly (AWS limit), which leaves room to sum 10^14 of the largest. */
export const AMOUNT_MAX = 10n ** 24n - 1n;

const AMOUNT_TEXT = /^(0|[1-9][0-9]{0,23})$/;

/**
 * Reads an amount of minor units from the wire: a decimal string, or an integer that a double holds exactly.
 * @returns undefined for fractions, signs, exponents, leading zeros, and anything above AMOUNT_MAX.
 */
export function parseAmount(value: unknown): bigint | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? BigInt(value) : undefined;
  return typeof value === 'string' && AMOUNT_TEXT.test(value) ? BigInt(value) : undefined;
}

/** Writes minor units for people: `123456` of `USD/2` is `1,234.56 USD`. */
export function formatAmount(amount: bigint, asset: Asset): string {
  const [whole = '', fraction] = decimalAmount(amount, asset).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return `${grouped}${fraction === undefined ? '' : `.${fraction}`} ${unitOf(asset)}`;
}

/** Writes minor units as an exact decimal of the asset's unit, for other programs: `123456` of `USD/2` is `1234.56`. */
export function decimalAmount(amount: bigint, asset: Asset): string {
  const scale = Number(asset.split('/')[1] ?? 0);
  const digits = absolute(amount)
    .toString()
    .padStart(scale + 1, '0');
  const fraction = scale > 0 ? `.${digits.slice(-scale)}` : '';
  return `${amount < 0n ? '-' : ''}${digits.slice(0, digits.length - scale)}${fraction}`;
}

/** The unit that an asset's amounts are told in: `USD` of `USD/2`. */
export function unitOf(asset: Asset): string {
  return asset.split('/')[0] ?? asset;
}

export function absolute(amount: bigint): bigint {
  return amount < 0n ? -amount : amount;
}

export type Rounding = 'up' | 'down' | 'half-up' | 'half-even';

/** Divides a non-negative numerator by a positive denominator and rounds once, by the named mode. */
export function divideRounded(numerator: bigint, denominator: bigint, rounding: Rounding): bigint {
  const quotient = numerator / denominator;
  const remainder = numerator % denominator;
  if (remainder === 0n) return quotient;
  const twice = remainder * 2n;
  const roundsUp =
    rounding === 'up' ||
    (rounding === 'half-up' && twice >= denominator) ||
    (rounding === 'half-even' && (twice > denominator || (twice === denominator && quotient % 2n === 1n)));
  return roundsUp ? quotient + 1n : quotient;
}
