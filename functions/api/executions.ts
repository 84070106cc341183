import { ExecutionAlreadyExists, type SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { Json } from '../../domain/canonical-json.ts';

export interface ExecutionDeps {
  readonly workflows: SFNClient;
  readonly newId: () => string;
}

/**
 * Starts a state machine for a record. A name is good for one execution, so once that has ended another must do; one
 * execution too many does no harm, since a record belongs to the first that takes it.
 */
export async function startExecution(
  { workflows, newId }: ExecutionDeps,
  stateMachineArn: string,
  name: string,
  input: Json,
): Promise<void> {
  const start = (as: string) =>
    workflows.send(new StartExecutionCommand({ stateMachineArn, name: as, input: JSON.stringify(input) }));
  try {
    await start(name);
  } catch (error) {
    if (!(error instanceof ExecutionAlreadyExists)) throw error;
    await start(`${name}-${newId().slice(0, 8)}`);
  }
}
