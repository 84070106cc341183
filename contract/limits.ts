/** Limits that callers meet, each with its unit and its reason. */

/** Bytes of a request body: 500 usage events of a kilobyte; Lambda's own limit is 6 MB (AWS limit). */
export const BODY_BYTES_MAX = 512 * 1024;

/** Usage events in one request: a body of them stays within the limit above, and its answer within a second. */
export const USAGE_BATCH_MAX = 500;

/** Charges and transfers in one batch: two transactions where they are of one account, and a hundred at worst. */
export const BATCH_ELEMENTS_MAX = 100;

/** Linked elements: each may move two balances, and all of them are one transaction of 100 actions (AWS limit). */
export const GROUP_ELEMENTS_MAX = 25;
/** Characters of a group's name: one line of a log. */
export const GROUP_CHARACTERS_MAX = 64;

/** Elements of a bulk: the results of all of them are read in one go. More go into several bulks. */
export const BULK_ELEMENTS_MAX = 1_000;
/** Characters of a bulk's id: the number of a part behind it, it is the 128 characters of a deduplication id (AWS limit). */
export const BULK_ID_CHARACTERS_MAX = 100;
/** Results of a bulk on one page. */
export const BULK_RESULTS = 100;
export const BULK_RESULTS_MAX = 1_000;

/** Days of one reconciliation: a leap year. */
export const RECONCILIATION_DAYS_MAX = 366;

/** Accounts that one reconciliation may be restricted to: their names are carried from step to step. */
export const RECONCILIATION_ACCOUNTS_MAX = 50;

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
 * Day partitions that one answer is summed over, at a millisecond each, so that the function has time to answer. A day
 * has two for each shard: close to seven years of an account with one.
 */
export const BALANCE_PARTITIONS_MAX = 5_000;

/**
 * Accounts below a path that one answer covers: ten reads of a hundred at once, and 200 KB of answer. Above it, a deeper
 * path is to be asked for.
 */
export const TREE_ACCOUNTS_MAX = 1_000;

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

/** Seconds that a hold lasts where nobody says: longer than any single call, short enough that a lost one is soon free. */
export const HOLD_SECONDS = 15 * 60;
/** Seconds that a hold lasts at least: the sweep and most callers count in these. */
export const HOLD_SECONDS_MIN = 1;
/** A week. The open holds of an account are in eight partitions of a day at most, which is what listing them costs. */
export const HOLD_SECONDS_MAX = 7 * 24 * 3_600;

/** Holds in one answer. */
export const HOLDS_LISTED = 100;
export const HOLDS_LISTED_MAX = 500;

/** Days that one list of holds covers: a month. */
export const HOLD_DAYS_MAX = 31;

/** Holds looked at for one page, most of which may not be asked for: what a function reads in about a second. */
export const HOLDS_READ_MAX = 2_000;

/** Audit records on one page: at under a kilobyte each, half a megabyte. */
export const AUDIT_RECORDS_MAX = 500;
export const AUDIT_RECORDS_DEFAULT = 50;

/** Audit records that one request reads through in search of those that its filters let pass: a second's work. */
export const AUDIT_RECORDS_READ_MAX = 5_000;

/** Characters of an actor or target that audit records are filtered by: an account id with what it is put behind. */
export const AUDIT_NAME_CHARACTERS_MAX = 160;

/** Anchors of the audit chain in one answer, one a day: a quarter, read from the bucket one by one. */
export const AUDIT_ANCHORS_MAX = 100;
export const AUDIT_ANCHORS_DEFAULT = 31;

/** Decisions of people in one repair: as many as one item of 400 KB (AWS limit) has ample room for. */
export const REPAIR_DECISIONS_MAX = 1_000;

/** Rows of one file of entries: all of them are held and looked up while they are planned. */
export const IMPORT_ENTRIES_MAX = 200_000;
/** Entries posted before it is noted how far an import is: what is looked at again after a crash. */
export const IMPORT_BATCH_SIZE = 200;
export const IMPORT_BATCH_SIZE_MAX = 1_000;
/** Parts of one repair: two steps of a workflow each, whose history has 25,000 events (AWS limit). */
export const REPAIR_PARTS_MAX = 1_000;

/** Approvals on one page. */
export const APPROVALS_LISTED = 50;
export const APPROVALS_LISTED_MAX = 100;

/** The priority of a grant where nobody says: room on both sides. */
export const GRANT_PRIORITY = 100;
export const GRANT_PRIORITY_MAX = 1_000;

/** Characters of a grant's id: the transfer that posts its expiry is named by it and by up to 48 more of the 128. */
export const GRANT_ID_CHARACTERS_MAX = 80;

/** Days of one seal that somebody asks for: a month. */
export const SEAL_DAYS_MAX = 31;

/** Days of one verification of seals: a leap year. */
export const SEAL_VERIFICATION_DAYS_MAX = 366;

/** Seals on one page, one a day as a rule. */
export const SEALS_LISTED = 50;
export const SEALS_LISTED_MAX = 500;

/** Accounts that one billing run may be restricted to: their names are in its record. */
export const BILLING_ACCOUNTS_MAX = 100;

/** Invoices on one page. */
export const INVOICES_LISTED = 50;
export const INVOICES_LISTED_MAX = 500;

/** Rows of one file of invoice lines: all of them are held while they are checked. */
export const LINE_IMPORT_ROWS_MAX = 200_000;
/** Rows of a part of it: what is looked at again after a crash. One invoice's rows are never parted. */
export const LINE_IMPORT_BATCH_SIZE = 1_000;
export const LINE_IMPORT_BATCH_SIZE_MAX = 10_000;
/** Parts of one file: half as many children of a workflow's map, each of which costs state transitions. */
export const LINE_IMPORT_PARTS_MAX = 1_000;
