/** What the state machine tells each of its functions. */
export interface RepairEvent {
  readonly repairId: string;
  /** The execution's ARN, in whose name things are done. */
  readonly execution: string;
}
