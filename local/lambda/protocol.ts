/** What crosses between the process and a function's worker. Events and results cross as JSON text: nothing is cloned deeply. */
export interface WorkerStart {
  /** The bundle's directory. */
  readonly directory: string;
  /** `index.handler`: file and exported name. */
  readonly handler: string;
  readonly functionArn: string;
}

export interface WorkerRequest {
  readonly requestId: string;
  readonly payload: string;
  /** Milliseconds since the epoch at which the function is cut off. */
  readonly deadline: number;
  readonly traceId: string;
}

export type WorkerMessage = (
  | { readonly kind: 'ready' }
  | { readonly kind: 'result'; readonly payload: string }
  /** After a fatal error the worker ends. */
  | { readonly kind: 'error'; readonly error: FunctionError; readonly fatal: boolean }
  /** Nothing but output, of a function that is still at work. */
  | { readonly kind: 'output' }
) & {
  /** What the function wrote to its standard output and standard error before this; empty when it wrote nothing. */
  readonly output: string;
};

/** The payload of a failed invocation, as Lambda's Node.js runtime writes it. */
export interface FunctionError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
}
