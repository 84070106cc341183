/**
 * State machines as the Amazon States Language writes them, in JSONata. A field that AWS lets an expression stand for
 * is `unknown` or includes `string`; see https://states-language.net for what each field means.
 */
export interface Machine extends Flow {
  /** Seconds after which the execution ends as `TIMED_OUT`. */
  readonly TimeoutSeconds?: number;
}

/** States that follow one another: a machine, a branch of a Parallel, or what a Map does with each item. */
export interface Flow {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

export type State =
  | TaskState
  | PassState
  | WaitState
  | ChoiceState
  | SucceedState
  | FailState
  | ParallelState
  | MapState;

/** How a state leaves: what it hands on, which variables it sets, and where it goes. */
export interface Leaving {
  readonly Output?: unknown;
  readonly Assign?: Readonly<Record<string, unknown>>;
  readonly Next?: string;
}

export interface FailureHandling {
  readonly Retry?: readonly Retrier[];
  readonly Catch?: readonly Catcher[];
}

export interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds?: number;
  readonly BackoffRate?: number;
  readonly MaxAttempts?: number;
  readonly MaxDelaySeconds?: number;
  readonly JitterStrategy?: 'FULL' | 'NONE';
}

export interface Catcher extends Leaving {
  readonly ErrorEquals: readonly string[];
  readonly Next: string;
}

export interface TaskState extends Leaving, FailureHandling {
  readonly Type: 'Task';
  readonly Resource: string;
  readonly Arguments?: unknown;
  readonly TimeoutSeconds?: number | string;
  readonly HeartbeatSeconds?: number | string;
}

export interface PassState extends Leaving {
  readonly Type: 'Pass';
}

export interface WaitState extends Leaving {
  readonly Type: 'Wait';
  readonly Seconds?: number | string;
  readonly Timestamp?: string;
}

export interface ChoiceState extends Leaving {
  readonly Type: 'Choice';
  readonly Choices: readonly (Leaving & { readonly Condition: string | boolean; readonly Next: string })[];
  readonly Default?: string;
}

export interface SucceedState extends Leaving {
  readonly Type: 'Succeed';
}

export interface FailState {
  readonly Type: 'Fail';
  readonly Error?: string;
  readonly Cause?: string;
}

export interface ParallelState extends Leaving, FailureHandling {
  readonly Type: 'Parallel';
  readonly Arguments?: unknown;
  readonly Branches: readonly Flow[];
}

export interface MapState extends Leaving, FailureHandling {
  readonly Type: 'Map';
  readonly ItemProcessor: Flow & { readonly ProcessorConfig?: ProcessorConfig };
  readonly Items?: unknown;
  readonly ItemSelector?: unknown;
  readonly MaxConcurrency?: number | string;
  readonly Label?: string;
  readonly ItemReader?: ItemReader;
  readonly ItemBatcher?: ItemBatcher;
  readonly ResultWriter?: ResultWriter;
  readonly ToleratedFailureCount?: number | string;
  readonly ToleratedFailurePercentage?: number | string;
}

export interface ProcessorConfig {
  readonly Mode?: 'INLINE' | 'DISTRIBUTED';
  readonly ExecutionType?: 'STANDARD' | 'EXPRESS';
}

export interface ItemReader {
  readonly Resource: string;
  readonly Arguments?: unknown;
  readonly ReaderConfig?: {
    readonly InputType?: 'JSON' | 'JSONL' | 'CSV';
    readonly CSVHeaderLocation?: 'FIRST_ROW' | 'GIVEN';
    readonly CSVHeaders?: readonly string[];
    readonly CSVDelimiter?: 'COMMA' | 'PIPE' | 'SEMICOLON' | 'SPACE' | 'TAB';
    readonly MaxItems?: number | string;
  };
}

export interface ItemBatcher {
  readonly BatchInput?: unknown;
  readonly MaxItemsPerBatch?: number | string;
  readonly MaxInputBytesPerBatch?: number | string;
}

export interface ResultWriter {
  readonly Resource?: string;
  readonly Arguments?: unknown;
  readonly WriterConfig?: {
    readonly Transformation?: 'NONE' | 'COMPACT' | 'FLATTEN';
    readonly OutputType?: 'JSON' | 'JSONL';
  };
}

export function isDistributed(state: MapState): boolean {
  return state.ItemProcessor.ProcessorConfig?.Mode === 'DISTRIBUTED';
}

/** The flows inside a state. */
export function innerFlows(state: State): readonly Flow[] {
  if (state.Type === 'Parallel') return state.Branches;
  return state.Type === 'Map' ? [state.ItemProcessor] : [];
}
