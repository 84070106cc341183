/** A states engine, as far as following an execution needs it. */
interface Engine {
  handle(operation: string, input: unknown): Promise<unknown>;
}

/** How an execution ended, once it has. */
export async function statusWhenEnded(engine: Engine, executionArn: string): Promise<string> {
  for (;;) {
    const { status } = (await engine.handle('DescribeExecution', { executionArn })) as { status: string };
    if (status !== 'RUNNING') return status;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
