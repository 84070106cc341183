import type { Cause } from '../reconciliation/findings.ts';

/** Why findings are left, in sentences that say what to do. */
export const REPAIRED = 'It is repaired already.';
export const MOVED = 'The books have moved since the run; reconcile again and plan from what is found then.';
export const NOT_OPENED = 'The account is not opened; open it, and plan again.';
export const ID_TAKEN =
  'Another transfer has the request’s id; find out whose use it was, and decide that the evidence holds to charge it under another id.';
export const BY_HAND =
  'Somebody corrected this request by hand; if the evidence holds all the same, decide so, else leave it.';
export const CONFLICTING = 'The evidence says different things; find out at the source which holds, and decide so.';
export const OTHER_EVIDENCE =
  'The request has other evidence, at another time, that is charged; find out at the source which holds, and decide so.';
export const CONTRADICTED =
  'Findings of this request are decided for different evidence; decide all of them for the same, or only one.';
export const MOVES_NOTHING = 'It moves no amount, so nothing can be taken back; leave it.';

export function unpriced(why: string): string {
  return `There is no price: ${why}. Publish one in a version of the rate card that is in force then, and plan again.`;
}

/** What to do about something unexpected that nobody has decided. */
export function undecided(cause: Cause | undefined): string {
  switch (cause) {
    case 'conflicting-evidence':
      return 'The evidence of the request conflicts; decide which holds, and the charge follows it.';
    case 'free-of-charge':
      return 'By its evidence the request costs nothing; decide to reverse the charge, or mend the rate card.';
    case 'given-back':
      return 'Something was given back at a time at which nothing is charged; decide to reverse that, or leave it.';
    default:
      return 'Nothing says that it was used; ask whether evidence is late, and if there is none, decide to reverse it.';
  }
}
