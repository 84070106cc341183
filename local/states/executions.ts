import type { Flow } from './definition.ts';
import type { HistoryEvent } from './history.ts';

export type ExecutionStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';

/** What an execution is started with. */
export interface NewExecution {
  readonly arn: string;
  readonly name: string;
  readonly stateMachineArn: string;
  readonly stateMachineName: string;
  readonly roleArn: string;
  readonly flow: Flow;
  readonly timeoutSeconds?: number | undefined;
  readonly input: unknown;
  /** Of the child of a Distributed Map: where it belongs and what stops it. */
  readonly child?: {
    readonly mapRunArn: string;
    readonly itemCount: number;
    readonly express: boolean;
    readonly signal: AbortSignal;
  };
}

export interface Execution extends NewExecution {
  /** Counts up from 1 in the order of starting. */
  readonly sequence: number;
  readonly startedAt: Date;
  readonly events: HistoryEvent[];
  status: ExecutionStatus;
  stoppedAt?: Date;
  /** JSON text. */
  output?: string;
  error?: string | undefined;
  cause?: string | undefined;
  redrives: number;
  redrivenAt?: Date;
  /** The state that the execution's own flow entered last, which a redrive begins with. */
  position?: {
    readonly state: string;
    readonly input: unknown;
    readonly variables: Readonly<Record<string, unknown>>;
  };
  /** Aborting it with an ExecutionInterrupted ends the execution. */
  halt: AbortController;
  /** Settles when the execution has ended, however it did; never rejects. */
  ended: Promise<void>;
}

export type MapRunStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'ABORTED';

/** One run of a Distributed Map. */
export interface MapRun {
  readonly arn: string;
  readonly executionArn: string;
  readonly stateMachineArn: string;
  readonly startedAt: Date;
  readonly maxConcurrency: number;
  readonly toleratedFailureCount: number | undefined;
  readonly toleratedFailurePercentage: number | undefined;
  /** How many executions and items there are in all, those not yet started too. */
  readonly executionTotal: number;
  readonly itemTotal: number;
  /** Those started so far, by their place in the run. */
  readonly children: Execution[];
  status: MapRunStatus;
  stoppedAt?: Date;
  resultsWritten: boolean;
}

/** All that was started since the engine was; nothing is forgotten before it stops. */
export interface Executions {
  readonly byArn: Map<string, Execution>;
  readonly mapRuns: Map<string, MapRun>;
}
