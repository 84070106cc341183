import { absolute, divideRounded } from '../money.ts';

/**
 * What a customer is told when an invoice comes out differently: that too much was charged, which is given back, or too
 * little, of which the house may bear a part.
 */
export const NOTICE_KINDS = ['over-charged', 'under-charged'] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

/** The figures of a notice, in minor units. */
export interface NoticeFigures {
  readonly kind: NoticeKind;
  /** What was asked for before, and what should have been. */
  readonly charged: bigint;
  readonly correct: bigint;
  /** By how much they differ, without a sign. */
  readonly difference: bigint;
  /** Hundredths of a percent of what was charged; left out where nothing was. */
  readonly percentHundredths?: bigint;
  /** What the house bears of too little; nothing of too much. */
  readonly absorbed: bigint;
  /** What the customer pays in the end. */
  readonly finalAmount: bigint;
}

/**
 * What a change of the amount due means for the customer; undefined where it does not change.
 * @param goodwillPercent of what was charged too little, 0 to 100; what it comes to is rounded up, for the customer.
 */
export function noticeOf(charged: bigint, correct: bigint, goodwillPercent: bigint): NoticeFigures | undefined {
  if (charged === correct) return undefined;
  const difference = absolute(correct - charged);
  const kind = correct < charged ? 'over-charged' : 'under-charged';
  const absorbed = kind === 'over-charged' ? 0n : divideRounded(difference * goodwillPercent, 100n, 'up');
  return {
    ...{ kind, charged, correct, difference, absorbed, finalAmount: correct - absorbed },
    ...(charged !== 0n && { percentHundredths: divideRounded(difference * 10_000n, absolute(charged), 'half-up') }),
  };
}

/** `9.80` for 980 hundredths. */
export function percentText(hundredths: bigint): string {
  return `${hundredths / 100n}.${(hundredths % 100n).toString().padStart(2, '0')}`;
}
