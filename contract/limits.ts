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

/** Prices and operations of one rate card version; at under 200 bytes each they fit an item of 400 KB (AWS limit). */
export const RATE_CARD_PRICES_MAX = 2_000;
