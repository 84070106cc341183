/** Limits that callers meet, each with its unit and its reason. */

/** Bytes of a request body: 500 usage events of a kilobyte; Lambda's own limit is 6 MB (AWS limit). */
export const BODY_BYTES_MAX = 512 * 1024;

/** Usage events in one request: a body of them stays within the limit above, and its answer within a second. */
export const USAGE_BATCH_MAX = 500;

/** Days of one reconciliation: a leap year. */
export const RECONCILIATION_DAYS_MAX = 366;

/** Milliseconds that a caller's clock may be ahead of ours. */
export const CLOCK_SKEW_MS_MAX = 5 * 60 * 1000;

/** Characters of a free text field; keeps a transfer with ids of common length within one write unit of 1 KB (AWS unit). */
export const DESCRIPTION_CHARACTERS_MAX = 200;

/** Texts that an account may carry. */
export const METADATA_ENTRIES_MAX = 10;
/** Bytes of them all: every charge rewrites a strict account, which then mostly stays within one write unit of 1 KB (AWS unit). */
export const METADATA_BYTES_MAX = 512;

/**
 * Prices, tiers, operations and accounts with overrides of one rate card version, together; at under 200 bytes each they
 * fit an item of 400 KB (AWS limit).
 */
export const RATE_CARD_PRICES_MAX = 2_000;

/** Accounts whose past usage one question about a proposed rate card may cover: one screen of a table. */
export const EFFECT_ACCOUNTS_MAX = 20;

/** Days of past usage that one such question may cover: a month. */
export const EFFECT_DAYS_MAX = 31;

/** Usage events that one such question may cover: what a function reads and prices well before a gateway gives up (30 s, AWS limit). */
export const EFFECT_EVENTS_MAX = 100_000;

/** Days of one statement or usage summary: a leap year. */
export const STATEMENT_DAYS_MAX = 366;

/** Days of a statement or usage summary that does not say: about a quarter, and one screen of a chart. */
export const STATEMENT_DAYS_DEFAULT = 90;

/** Transfers on one page of a statement: at half a kilobyte each they are answered within a second. */
export const STATEMENT_ROWS_MAX = 500;
export const STATEMENT_ROWS_DEFAULT = 100;

/** Characters of a cursor: two ids of 128 characters, a range and a digest, in base64. */
export const CURSOR_CHARACTERS_MAX = 1_024;

/**
 * Day partitions that one balance is summed over, at a millisecond each, so that the function has time to answer. A day
 * has two for each shard: close to seven years of an account with one.
 */
export const BALANCE_PARTITIONS_MAX = 5_000;

/** Transfers that one balance or usage summary is summed from: about 50 pages of a megabyte. */
export const SUMMED_TRANSFERS_MAX = 100_000;

/** Characters of an API key's name: one line of a list. */
export const KEY_NAME_CHARACTERS_MAX = 64;

/** Seconds for which a key works on after it was rotated, where nobody says: time for a deployment. */
export const KEY_OVERLAP_SECONDS = 3_600;
/** A week: longer, and two keys are simply two keys. */
export const KEY_OVERLAP_SECONDS_MAX = 7 * 24 * 3_600;

/** Keys in one answer. */
export const KEYS_LISTED = 50;
export const KEYS_LISTED_MAX = 200;
