/** What a command's exit code says, for scripts and pipelines. */
export const exitCodes = {
  /** Done, and everything agrees. */
  clean: 0,
  /** Done, and something needs a person: discrepancies were found, rows were refused. */
  attention: 1,
  /** Not done, or nothing can be said: a refusal, a fault, a wrong option, empty books, balances not compared. */
  notDone: 2,
  /** Not done yet: it waits for a second person's approval. */
  approval: 3,
  /** Stopped by ctrl-c; what was started goes on. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
