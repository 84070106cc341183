/**
 * What AWS takes, in US dollars, on demand, us-east-1, without free tiers and discounts. Seen on 2026-11-20; check
 * https://aws.amazon.com/pricing before you rely on them.
 */
export const PRICES_DATE = '2026-11-20';

const MILLION = 1_000_000;

export const prices = {
  dynamoDbWriteUnit: 0.625 / MILLION,
  dynamoDbReadUnit: 0.125 / MILLION,
  httpApiRequest: 1.0 / MILLION,
  lambdaRequest: 0.2 / MILLION,
  /** On arm64. */
  lambdaGigabyteSecond: 0.0000133334,
  logGigabyte: 0.5,
  trace: 5.0 / MILLION,
} as const;
