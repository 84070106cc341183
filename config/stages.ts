/** What differs between one installation of Reckoner and another. Amounts of time and work name their unit. */
export interface Stage {
  /** Part of the stacks' names and of every API key (`rk_<name>_...`). Lower case letters. */
  readonly name: string;
  /**
   * Whether tables, buckets and logs outlive their stack, and tables and the data stack refuse to be deleted. Where it
   * is false, `cdk destroy` takes the data along; buckets must be emptied by hand first.
   */
  readonly keepData: boolean;
  /** One of the numbers of days that CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 180, 365, 400... */
  readonly logRetentionDays: number;
  /** How long a file dropped in the import bucket is kept after it was read in; the usage table keeps the evidence. */
  readonly importedFileRetentionDays: number;
  /**
   * How what proves the books is locked against being rewritten or deleted. `GOVERNANCE` can be lifted by whoever has the
   * permission for it; `COMPLIANCE` by nobody, not even by the AWS account's root user, until the days are over.
   */
  readonly seals: { readonly lock: 'GOVERNANCE' | 'COMPLIANCE'; readonly days: number };
  /** What all callers together may ask of the API before it answers 429. */
  readonly apiThrottle: { readonly requestsPerSecond: number; readonly burst: number };
  /** A cost fuse: above so many write units a second a table, and each of its indexes, throttles and spends no more. */
  readonly maxWriteUnitsPerSecond: {
    readonly ledger: number;
    readonly usage: number;
    readonly operations: number;
    readonly billing: number;
  };
  /** How many import files are read at once; bounds what imports take of the usage table's write units. At least 2. */
  readonly importConcurrency: number;
  /** Who gets a mail when an alarm goes off, after confirming by a link. Without it, subscribe to the topic by hand. */
  readonly alarmEmail?: string;
}

export const stages: Readonly<Record<string, Stage>> = {
  dev: {
    name: 'dev',
    keepData: false,
    logRetentionDays: 14,
    importedFileRetentionDays: 30,
    seals: { lock: 'GOVERNANCE', days: 1 },
    apiThrottle: { requestsPerSecond: 200, burst: 400 },
    maxWriteUnitsPerSecond: { ledger: 2_000, usage: 1_000, operations: 200, billing: 500 },
    importConcurrency: 2,
  },
  prod: {
    name: 'prod',
    keepData: true,
    logRetentionDays: 400,
    importedFileRetentionDays: 400,
    // Seven years, for which tax law of most countries wants books to be kept at the least.
    seals: { lock: 'COMPLIANCE', days: 2_557 },
    // A strict charge writes at most 5 units, so 4,000 requests a second of single charges stay below the ledger's fuse.
    apiThrottle: { requestsPerSecond: 4_000, burst: 8_000 },
    maxWriteUnitsPerSecond: { ledger: 20_000, usage: 10_000, operations: 1_000, billing: 4_000 },
    importConcurrency: 5,
  },
};

/** @throws UnknownStage when config/stages.ts has no stage of this name. */
export function stageNamed(name: string): Stage {
  const stage = stages[name];
  if (stage === undefined) {
    const known = Object.keys(stages).join(', ');
    throw new UnknownStage(`There is no stage "${name}"; config/stages.ts has ${known}. Choose one: -c stage=<name>.`);
  }
  return stage;
}

export class UnknownStage extends Error {
  override name = 'UnknownStage';
}
