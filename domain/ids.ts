/**
 * Identifiers. Ids come from callers and become parts of sort keys, so their alphabet is chosen for order: every
 * character is above `#` (0x23), the separator. Then `a#...` sorts before `aa#...` exactly when `a` sorts before `aa`,
 * and the usage book and the ledger, whose keys differ only behind the request id, are in the same order. ASCII alone
 * also makes JavaScript's order (UTF-16) and DynamoDB's (UTF-8 bytes) the same.
 */

/** 1 to 128 visible ASCII characters from `$` to `~`: no spaces, no control characters, no `!`, `"` or `#`. */
export const ID_PATTERN = /^[$-~]{1,128}$/;

/** The transfers that post what has expired of grants are named so: see store/grant-expiry.ts. */
export const BREAKAGE_PREFIX = 'breakage:';
/** The transfers that repairs post are named so: see domain/repairs/steps.ts. */
export const REPAIR_PREFIX = 'repair:';
/** What the ids begin with that the ledger gives itself. They can be foretold, so no caller may take them before it. */
export const RESERVED_PREFIXES = [BREAKAGE_PREFIX, REPAIR_PREFIX] as const;

/** Whether only the ledger itself may give this id. */
export function isReservedId(id: string): boolean {
  return RESERVED_PREFIXES.some((prefix) => id.startsWith(prefix));
}

/** A path of 2 to 8 segments: `customer:acme`, `platform:revenue:usage`. At most 128 characters. */
export const ACCOUNT_ID_PATTERN = /^(?=.{3,128}$)[a-z][a-z0-9-]{0,31}(:[A-Za-z0-9][A-Za-z0-9._@-]{0,62}){1,7}$/;

/** An operation or dimension name: `chat-completion`, `input_tokens`, `com.acme.search`. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$/;

/**
 * A small stable hash (FNV-1a, 32 bits) for spreading keys over shards and buckets. It is part of the keys in the
 * table: changing it would lose data.
 */
export function spread(text: string, over: number): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % over;
}
