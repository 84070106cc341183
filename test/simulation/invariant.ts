/** What must hold in every run, and does not. */
export class InvariantError extends Error {
  override name = 'InvariantError';
  /** The invariant, in the few words by which a shrunk run is told to fail for the same reason. */
  readonly invariant: string;

  constructor(invariant: string, detail: string) {
    super(`${invariant}: ${detail}`);
    this.invariant = invariant;
  }
}

export function must(holds: boolean, invariant: string, detail: () => string): asserts holds {
  if (!holds) throw new InvariantError(invariant, detail());
}
